"""Three virtual machines with kernels of their own: what namespaces on a kernel without IPVS or ESP cannot show.

One lab for all of it, in the order of this file: a machine's boot costs a minute where it is emulated.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lab.hosts import guest, seed, state, vm
from lab.hosts.images import Image
from lab.polling import until
from tests.integration import machine
from tests.integration.command import Cli, verdicts
from tests.integration.stages import NEED_INTERNET, NEED_IPVS, OBSERVED
from tests.vm.wire import Capture

HOSTS = {"manager": "198.18.0.11", "worker-1": "198.18.0.12", "worker-2": "198.18.0.13"}
IMAGE = "swarm-lab/busybox:debian"
PATTERN = "5a"
NEED_ESP_NETWORK = "secret-net"
LONG_S = 900.0

BEFORE: dict[str, dict[str, list[str]]] = {}


def ok(lab: Cli, *arguments: str, timeout: float = LONG_S) -> str:
    done = lab.run(*arguments, timeout=timeout)
    assert done.code == 0, done.text
    return done.out


def on(lab: Cli, host: str, script: str) -> str:
    """Run a shell script on a machine as its root; return its output."""
    return ok(lab, "shell", host, "--", "sudo", "-n", "sh", "-ec", script)


def ping(lab: Cli, host: str, container: str, address: str) -> bool:
    done = lab.run(
        *("docker", host, "--", "exec", container, "ping", "-c", "3", "-W", "2", "-s", "200", "-p", PATTERN, address),
        timeout=60,
    )
    return done.code == 0


def address_of(lab: Cli, host: str, container: str) -> str:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return ok(lab, "docker", host, "--", "inspect", "-f", form, container).strip()


def boot_of(lab: Cli, host: str) -> str:
    done = lab.run("shell", host, "--", "cat", "/proc/sys/kernel/random/boot_id", timeout=60)
    return done.out.strip() if done.code == 0 else ""


def reboot(lab: Cli, hosts: Sequence[str]) -> None:
    """Reboot machines, and wait until each has come back with another boot id."""
    boots = {host: boot_of(lab, host) for host in hosts}
    for host in hosts:
        lab.run("shell", host, "--", "sudo", "-n", "systemctl", "reboot", timeout=60)
    for host, boot in boots.items():
        now, _ = until(partial(boot_of, lab, host), partial(_is_another, boot), deadline_s=300, every_s=1)
        assert _is_another(boot, now), f"{host} did not come back"


def _is_another(boot: str, now: str) -> bool:
    return now not in {"", boot}


def test_from_the_image_to_the_ping_matrix(machines: Cli, image: Image, hosts: Path):
    BEFORE["machine"] = machine.inventory()
    start = time.monotonic()
    result = machines.json("up", "-i", str(hosts), timeout=LONG_S)
    took = time.monotonic() - start
    assert took < 240, f"{took:.0f} s from the image to the verified ping matrix"
    pings = {(ping["source"], ping["target"]) for ping in result["pings"] if ping["received"] == ping["sent"] > 0}
    assert pings == {(one, other) for one in HOSTS for other in HOSTS if one != other}
    assert result["summary"]["fail"] == result["summary"]["skip"] == 0
    assert {node["address"] for node in result["nodes"]} == set(HOSTS.values())
    known = state.read(machines.paths)
    assert known is not None
    assert set(known.images.values()) == {str(image.path)}


def test_every_address_but_those_of_the_segment_is_the_same_on_all(machines: Cli):
    told = {host: on(machines, host, "ip -o -4 addr show | grep -v ' docker\\| lo '") for host in HOSTS}
    for host, address in HOSTS.items():
        assert f" {address}/24 " in told[host]
        assert f" {seed.OUTER_ADDRESS}/24 " in told[host]


def test_status_shows_what_each_machine_uses(machines: Cli):
    for host in _status(machines):
        assert host["running"], host
        assert host["processor_s"] > 1
        assert 100 << 20 < host["memory"] < 2 << 30


def _status(machines: Cli) -> list[dict]:
    return json.loads(ok(machines, "status", "--json"))["hosts"]


def test_no_key_is_open_to_others_and_none_is_on_a_command_line(machines: Cli):
    paths = machines.paths
    private = (paths.state / "key").read_text().splitlines()[1]
    for path in (paths.state / "key", *paths.state.glob("hosts/*/host_key"), *paths.state.glob("hosts/*/seed.tar")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert paths.state.stat().st_mode & 0o077 == 0
    known = state.read(paths)
    assert known is not None
    for process in known.processes.values():
        assert private not in Path(f"/proc/{process.pid}/cmdline").read_text()


def test_every_stage_has_its_claims_pass_where_the_kernel_is_whole(machines: Cli):
    result = machines.json("stage", "run", "all", timeout=LONG_S)
    told = verdicts(result)
    assert {claim: told[claim] for claim in NEED_IPVS} == dict.fromkeys(NEED_IPVS, "pass")
    others = {claim: verdict for claim, verdict in told.items() if verdict != "pass"}
    assert others == {**dict.fromkeys(OBSERVED, "observed"), **dict.fromkeys(NEED_INTERNET, "skip")}


def test_an_encrypted_overlay_is_esp_on_the_wire_and_needs_protocol_50(machines: Cli, hosts: Path):
    ok(
        machines,
        *("docker", "manager", "--", "network", "create", "-d", "overlay", "--attachable", "--opt", "encrypted"),
        NEED_ESP_NETWORK,
    )
    try:
        for host in HOSTS:
            run = ("run", "-d", "--name", "secret", "--network", NEED_ESP_NETWORK, IMAGE, "sleep", "3600")
            ok(machines, "docker", host, "--", *run)
        near, far = (address_of(machines, host, "secret") for host in ("worker-1", "worker-2"))
        plain = address_of(machines, "worker-1", "ping-worker-1")

        # What the capture would show of an overlay that is not encrypted.
        with Capture(vm.wire(machines.paths)) as seen:
            assert ping(machines, "manager", "ping-manager", plain)
        assert any(bytes.fromhex(PATTERN) * 100 in packet for packet in seen.vxlan(HOSTS["manager"], HOSTS["worker-1"]))

        on(
            machines,
            "worker-2",
            "nft delete rule inet filter swarm_ports handle "
            "$(nft -a list chain inet filter swarm_ports | sed -n 's/.*l4proto esp.* handle //p')",
        )
        with Capture(vm.wire(machines.paths)) as seen:
            passed, _ = until(lambda: ping(machines, "manager", "secret", near), bool, deadline_s=60, every_s=1)
        assert passed
        packets = seen.esp(HOSTS["manager"], HOSTS["worker-1"])
        assert len(packets) >= 6
        frames = [frame for frame in seen.frames if bytes.fromhex(PATTERN) * 20 in frame]
        assert not frames, "plain text on the wire"
        assert not ping(machines, "manager", "secret", far), "protocol 50 is closed on worker-2"

        again = machines.json("up", "-i", str(hosts), timeout=LONG_S)
        changed = [(step["role"], step["host"]) for step in again["steps"] if step["changed"]]
        assert changed == [("swarm_ports", "worker-2")]
        passed, _ = until(lambda: ping(machines, "manager", "secret", far), bool, deadline_s=60, every_s=1)
        assert passed, "protocol 50 is open on worker-2 again"
    finally:
        for host in HOSTS:
            machines.run("docker", host, "--", "rm", "-f", "secret", timeout=60)
        machines.run("docker", "manager", "--", "network", "rm", NEED_ESP_NETWORK, timeout=60)


SWITCH = {
    "worker-1": (
        "systemctl --quiet disable nftables; nft delete table inet filter; "
        "ufw default deny incoming >/dev/null; ufw allow 22/tcp >/dev/null; ufw --force enable >/dev/null; "
        "systemctl --quiet enable ufw"
    ),
    "worker-2": (
        "systemctl --quiet disable nftables; nft delete table inet filter; "
        "systemctl --quiet enable --now firewalld; firewall-cmd --quiet --add-service=ssh"
    ),
}


def test_ufw_and_firewalld_under_systemd_and_reboots_of_manager_and_workers(machines: Cli, hosts: Path):
    for host, script in SWITCH.items():
        on(machines, host, f"rm -f /etc/nftables.d/swarm-lab.nft; {script}")
    opened = machines.json("up", "-i", str(hosts), timeout=LONG_S)
    changed = {step["host"] for step in opened["steps"] if step["changed"] and step["role"] == "swarm_ports"}
    assert changed == set(SWITCH)
    assert "7946/tcp" in on(machines, "worker-1", "ufw status")
    assert on(machines, "worker-2", "firewall-cmd --state").strip() == "running"

    # A container that comes back with its engine is attached by the manager: the two do not go away at once.
    for together in (("worker-1", "worker-2"), ("manager",)):
        reboot(machines, together)
        verified, _ = until(
            lambda: machines.run("verify", timeout=LONG_S), lambda done: done.code == 0, deadline_s=180, every_s=1
        )
        assert verified.code == 0, verified.text
    for host in SWITCH:
        on(machines, host, "! nft list table inet filter 2>/dev/null")


def test_down_leaves_nothing(machines: Cli):
    known = state.read(machines.paths)
    assert known is not None
    processes = list(known.processes.values())
    ports = [int(path.read_text()) for path in machines.paths.state.glob("hosts/*/port")]
    assert len(ports) == len(processes) == len(HOSTS)
    start = time.monotonic()
    ok(machines, "down")
    assert time.monotonic() - start < 15
    assert not any(process.alive() for process in processes)
    assert all(guest.is_free(port) for port in ports)
    assert not machines.paths.state.exists()
    assert not machines.paths.run.exists()
    assert machine.differences(BEFORE["machine"], machine.inventory()) == {}
