"""What virtual machines and host images are refused for, before anything starts; and a machine that does not boot."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.hosts import guest, images, qemu, vm
from lab.hosts.images import Image
from lab.polling import until
from tests.integration.command import LAB as COMMAND
from tests.integration.command import Cli

LAB = "test-vm-bad"
Write = Callable[..., Path]


@pytest.fixture
def lab() -> Cli:
    return Cli(LAB)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes an inventory of one virtual machine or several."""

    def written(hosts: int = 1, **variables: object) -> Path:
        path = tmp_path / "inventory.yml"
        content = {
            "all": {
                "vars": {"lab_provider": "vm", "ansible_user": "lab", "ansible_become": True, **variables},
                "children": {"managers": {"hosts": {f"m{number}": {} for number in range(hosts)}}},
            }
        }
        path.write_text(json.dumps(content))
        return path

    return written


def refused(lab: Cli, inventory: Path, code: int, *words: str, env: dict[str, str] | None = None) -> None:
    done = lab.run("up", "-i", str(inventory), env=env)
    assert done.code == code, done.text
    for word in words:
        assert word in done.err, done.err
    assert not list(lab.paths.state.glob("hosts/*/disk.qcow2"))
    lab.run("down")
    assert not lab.paths.state.exists()


def test_a_port_that_is_taken(lab: Cli, write: Write):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused(lab, write(lab_host_ssh_port=port), 2, f"m0: port {port} of this machine, for SSH to it, is taken")


def test_more_memory_than_there_is(lab: Cli, write: Write):
    refused(lab, write(3, lab_host_memory_mib=100_000), 3, "MiB of memory are free", "for 3 virtual machines")


def test_more_disk_than_there_is(lab: Cli, write: Write, tmp_path: Path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(small)], check=True)
    try:
        done = lab.run("up", "-i", str(write()), env={"LAB_STATE_DIR": str(small), "LAB_RUN_DIR": str(small / "run")})
        assert done.code == 3, done.text
        assert f"MiB free below {small}" in done.err
        assert f"{vm.DISK_MIB} MiB needed for 1 virtual machines" in done.err
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_qemu_is_missing(lab: Cli, write: Write, image: Image):
    """Covered in a mount namespace of the command's own."""
    del image
    cover = "".join(f"mount --bind /dev/null {path}; " for path in _programs("qemu-system-x86_64"))
    script = f"{cover} exec {COMMAND} up --lab {LAB} -i {write()}"
    done = subprocess.run(["unshare", "--mount", "sh", "-ec", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "missing on this machine: qemu-system-x86_64" in done.stderr
    assert "apt-get install qemu-system-x86" in done.stderr
    lab.run("down")


def _programs(name: str) -> list[str]:
    """Return every place of a program; one that is covered is not executable, and so not found."""
    return [str(path) for folder in ("/usr/bin", "/usr/local/bin") if (path := Path(folder) / name).exists()]


def test_a_machine_that_does_not_boot_shows_its_console(lab: Cli, write: Write, image: Image, tmp_path: Path):
    broken = tmp_path / "images" / image.path.name
    broken.mkdir(parents=True)
    shutil.copyfile(image.linux, broken / "vmlinuz")
    shutil.copyfile(image.path / "image.json", broken / "image.json")
    with (broken / "disk").open("wb") as disk:
        disk.truncate(1 << 30)  # no file system on it
    try:
        done = lab.run("up", "-i", str(write()), env={"LAB_IMAGE_DIR": str(broken.parent)})
        assert done.code == 4, done.text
        assert "m0: its kernel gave up" in done.err
        assert "Kernel panic - not syncing: VFS: Unable to mount root fs" in done.err
        assert not guest.strays(lab.paths.host_state("m0") / "disk.qcow2")
    finally:
        lab.run("down")
    assert not lab.paths.state.exists()


def test_kvm_that_this_user_may_not_open(image: Image, tmp_path: Path):
    """Asked as another user, in a process of its own: root may open anything."""
    device = tmp_path / "kvm"
    device.touch(mode=0o600)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(65534, 65534, 65534)
            os.write(writing, str(qemu.acceleration(image, device)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    told = os.read(reading, 4096).decode()
    os.waitpid(child, 0)
    os.close(reading)
    assert told.startswith("emulated")
    assert f"{device} is not open to this user" in told


def test_an_interrupted_build_leaves_nothing_that_is_used(tmp_path: Path):
    lab, home = Cli(LAB), tmp_path / "images"
    env = {"LAB_IMAGE_DIR": str(home)}
    build = subprocess.Popen(
        [COMMAND, "image", "build", "bookworm-bare"],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    begun, _ = until(lambda: list(home.glob(".draft-*/tree/usr")), bool, deadline_s=60, every_s=0.1)
    assert begun
    build.send_signal(signal.SIGKILL)
    build.communicate(timeout=30)
    left, _ = until(lambda: _builders(home), lambda pids: not pids, deadline_s=20, every_s=0.1)
    assert not left, "what made the image goes on"
    listed = json.loads(lab.run("image", "list", "--json", env=env).out)
    assert listed["images"] == []
    failed = lab.run("image", "build", "bookworm-bare", "--source", "http://127.0.0.1:9/debian", env=env)
    assert failed.code == 3, failed.text
    assert "mmdebstrap" in failed.err
    assert list(home.iterdir()) == [], "neither the draft that was killed nor the one that failed is left"


def _builders(home: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(home).encode() in process.read_bytes() and int(process.parent.name) != os.getpid():
                found.append(process.parent.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_an_image_is_not_removed_while_hosts_are_on_it(image: Image, tmp_path: Path):
    inventory = tmp_path / "inventory.yml"
    own = {"lab_host_root": vm.IMAGE, "ansible_connection": "lab.swarm.netns"}
    inventory.write_text(json.dumps({"all": {"vars": own, "children": {"managers": {"hosts": {"m0": {}}}}}}))
    lab = Cli(LAB)
    try:
        up = lab.run("up", "-i", str(inventory))
        assert up.code == 0, up.text
        assert images.users(image) == [LAB]
        done = lab.run("image", "remove", vm.IMAGE)
        assert done.code == 2, done.text
        assert f"has hosts of {LAB} on it" in done.err
        other = inventory.with_name("other.yml")
        other.write_text(inventory.read_text().replace(vm.IMAGE, "bookworm-bare"))
        moved = lab.run("up", "-i", str(other))
        assert moved.code == 2, moved.text
        assert "its disk lies on that" in moved.err
    finally:
        down = lab.run("down")
    assert down.code == 0, down.text
    assert images.users(image) == []
    assert image.disk.is_file()
