"""A bare machine, and the README's first command on it: Debian with sshd and sudo, no engine, no Python package."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.hosts import guest, images, qemu, seed, vm
from lab.hosts.programs import which
from lab.hosts.qemu import Machine, Wire
from tests.fresh_machine import mirror
from tests.fresh_machine.conftest import BARE
from tests.integration.command import REPO
from tests.integration.stages import NEED_INTERNET, NEED_IPVS, OBSERVED, QUICK

MIRROR = "198.19.255.100"
ADDRESS = "198.18.0.99"


@dataclass
class Fresh:
    """The machine: how ssh reaches it."""

    config: Path
    port: int

    def run(self, script: str, timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ssh", "-F", str(self.config), "fresh", script],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    def copy(self, repo: Path) -> None:
        """Give the machine the project's files, as a clone of it would have them."""
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=repo, capture_output=True, check=True).stdout
        pack = ["tar", "-C", str(repo), "--null", "--files-from=-", "-cf", "-"]
        packed = subprocess.run(pack, input=listed, capture_output=True, check=True).stdout
        unpack = ["ssh", "-F", str(self.config), "fresh", "mkdir swarm-lab && tar -C swarm-lab -xf -"]
        subprocess.run(unpack, input=packed, check=True, timeout=120)


def needed_packages() -> list[str]:
    """Return the Debian packages that labctl installs on a machine that lacks all of them."""
    text = (REPO / "labctl").read_text()
    table = text.split('needs="\\\n', 1)[1].split('"\n', 1)[0]
    return [*(line.split()[1] for line in table.splitlines()), "python3", "python3-venv"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    image = images.build(BARE)
    available = [name for name in needed_packages() if _is_available(name)]
    mirror.debian(folder / "debian", image, available)
    mirror.python(folder / "simple", REPO)
    return folder


def _is_available(package: str) -> bool:
    told = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=True).stdout
    return "Candidate: (none)" not in told and "Candidate:" in told


@pytest.fixture(scope="module")
def fresh(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    folder = tmp_path_factory.mktemp("fresh")
    image = images.build(BARE)
    user_key = seed.key_pair(folder / "key")
    host_key = seed.key_pair(folder / "host_key")
    own = seed.files("fresh", {"fresh": ADDRESS}, 24, host_key=folder / "host_key", user_key=user_key)
    own["etc/apt/sources.list"] = (f"deb [trusted=yes] http://{MIRROR}/debian ./\n", 0o644)
    own["etc/pip.conf"] = (f"[global]\nindex-url = http://{MIRROR}/simple\ntrusted-host = {MIRROR}\n", 0o644)
    seed.write(folder / "seed.tar", own)
    disk = folder / "disk.qcow2"
    make = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image.disk), str(disk)]
    subprocess.run(make, check=True)
    outer, inner = seed.hardware(ADDRESS)
    port = guest.free_port()
    machine = Machine(
        name="fresh",
        image=image,
        disk=disk,
        seed=folder / "seed.tar",
        console=folder / "console.log",
        identity=(image.digest * 3)[:32],
        port=port,
        wire=Wire.of(str(folder)),
        outer=outer,
        inner=inner,
        processors=2,
        memory_mib=4096,
    )
    (folder / "known_hosts").write_text(f"fresh {host_key}\n")
    (folder / "config").write_text(seed.ssh_config(folder / "key", folder / "known_hosts", {"fresh": port}))
    how = qemu.acceleration(image)
    with mirror.served(packages) as served:
        command = qemu.command(machine, how)
        forward = f",guestfwd=tcp:{MIRROR}:80-cmd:{which('busybox')} nc 127.0.0.1 {served}"
        command = [word + forward if word.startswith("user,id=outer,restrict=on,") else word for word in command]
        with (folder / "qemu.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            end = time.monotonic() + vm.BOOT_S * how.factor
            while not guest.greets(port):
                assert process.poll() is None, (folder / "qemu.log").read_text()
                assert time.monotonic() < end, (folder / "console.log").read_text()[-2000:]
                time.sleep(0.2)
            yield Fresh(folder / "config", port)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            shutil.rmtree(folder)
            shutil.rmtree(packages)


def test_the_first_command_of_the_readme_on_a_new_machine(fresh: Fresh):
    bare = fresh.run("command -v dockerd docker python3 nginx; ls /usr/lib/python3 2>/dev/null; uname -r", 60)
    assert "dockerd" not in bare.stdout
    assert "python3" not in bare.stdout
    fresh.copy(REPO)
    assert "\nsudo ./labctl up" in (REPO / "README.md").read_text()
    up = fresh.run("cd swarm-lab && sudo ./labctl up", 900)
    assert up.returncode == 0, up.stdout + up.stderr
    assert "claims: 6 pass" in up.stdout


def test_every_stage_passes_there_with_the_routing_mesh(fresh: Fresh):
    quick = "".join(f"    {name}: {value}\\n" for name, value in QUICK.items())
    inventory = f"sed 's/^    lab_provider: netns$/&\\n{quick}/' inventory/netns.yml >quick.yml"
    run = fresh.run(f"cd swarm-lab && {inventory} && sudo ./labctl stage run all -i quick.yml --json -", 1200)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    told = {claim["id"]: claim["verdict"] for claim in json.loads(run.stdout)["claims"]}
    assert {claim: told[claim] for claim in NEED_IPVS} == dict.fromkeys(NEED_IPVS, "pass")
    others = {claim: verdict for claim, verdict in told.items() if verdict != "pass"}
    assert others == {**dict.fromkeys(OBSERVED, "observed"), **dict.fromkeys(NEED_INTERNET, "skip")}


def test_down_leaves_no_process_and_no_file_there(fresh: Fresh):
    down = fresh.run("cd swarm-lab && sudo ./labctl down", 120)
    assert down.returncode == 0, down.stdout + down.stderr
    left = fresh.run("pgrep -a dockerd; pgrep -a containerd; ls /var/lib/swarm-lab /run/swarm-lab 2>/dev/null", 60)
    assert left.stdout == ""
