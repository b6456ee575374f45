"""Several labs at once, one change of a lab at a time, and labs of other shapes than the default."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.engine import container, network, swarm
from lab.engine.debian_images import SHELL_TAG
from lab.engine.network import NetworkSpec
from lab.hosts import cgroups, lock, netns
from lab.hosts.state import start_time
from tests.integration.command import REPO, Cli, verdicts

HOSTS = ["manager", "worker-1"]
"""The hosts that the shared lab and the second one both have."""

DEADLINE_S = 20.0


def _lab(name: str, *arguments: str) -> Iterator[Cli]:
    """Bring a lab up for this module's tests, and take it down at the end."""
    cli = Cli(name)
    cli.run("down")
    try:
        done = cli.run("up", *arguments)
        assert done.code == 0, done.text
        yield cli
    finally:
        cli.run("down")


def _inventory(folder: Path, managers: dict[str, Any], workers: dict[str, Any], **variables: str) -> str:
    path = folder / "inventory.yml"
    groups = {"managers": {"hosts": managers}, "workers": {"hosts": workers}}
    content = {"vars": {"ansible_connection": "lab.swarm.netns", **variables}, "children": groups}
    path.write_text(json.dumps({"all": content}))
    return str(path)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A lab like the shared one, less a worker, up beside it."""
    folder = tmp_path_factory.mktemp("second")
    yield from _lab("test-second", "-i", _inventory(folder, {"manager": {}}, {"worker-1": {}}))


def _addresses(cli: Cli) -> dict[str, str]:
    return {host.name: host.address for host in netns.hosts(cli.paths)}


def test_labs_that_are_up_at_once_have_the_same_addresses(lab: Cli, second: Cli):
    assert list(_addresses(second)) == HOSTS
    assert _addresses(second).items() <= _addresses(lab).items()


OWN: dict[str, Callable[[Cli, str], object]] = {
    "engine": lambda cli, host: cli.engine(host).info()["ID"],
    "node": lambda cli, host: swarm.membership(cli.engine(host)).node_id,
    "machine id": lambda cli, host: cli.on(host, "cat /etc/machine-id").out,
    "network namespace": lambda cli, host: cli.on(host, "readlink /proc/1/ns/net").out,
    "control groups": lambda cli, host: frozenset(cgroups.processes(cli.lab, host)),
}


@pytest.mark.parametrize("look", OWN.values(), ids=OWN)
def test_every_host_of_every_lab_has_its_own(lab: Cli, second: Cli, look: Callable[[Cli, str], object]):
    found = {look(cli, host) for cli in (lab, second) for host in HOSTS}
    assert len(found) == 4
    assert all(found)


@contextmanager
def _overlay(*clis: Cli) -> Iterator[None]:
    """Give each lab the same overlay, of the same name and subnet."""
    spec = {"name": "two-labs", "attachable": True, "subnet": "10.77.0.0/24"}
    try:
        for cli in clis:
            network.ensure(cli.engine("manager"), NetworkSpec(lab=cli.lab, **spec), check=False)
        yield
    finally:
        for cli in clis:
            for host in HOSTS:
                container.ensure_absent(cli.engine(host), "pinger", cli.lab, check=False)
            network.ensure_absent(cli.engine("manager"), "two-labs", cli.lab, check=False)


def _pinger(cli: Cli, host: str, address: str) -> None:
    """Run a container of a given address on the overlay."""
    engine = cli.engine(host)
    made = engine.create_container(
        SHELL_TAG,
        ["sleep", "600"],
        name="pinger",
        labels={"swarm-lab.lab": cli.lab},
        networking_config={"EndpointsConfig": {"two-labs": {"IPAMConfig": {"IPv4Address": address}}}},
        host_config=engine.create_host_config(network_mode="two-labs"),
    )
    engine.start(made)


def _reaches(cli: Cli, host: str, address: str, *, within_s: float = 0) -> bool:
    end = time.monotonic() + within_s
    while True:
        done = container.execute(cli.engine(host), "pinger", ["ping", "-c", "1", "-W", "1", address])
        if done.status == 0 or time.monotonic() > end:
            return done.status == 0


def test_a_container_reaches_those_of_its_own_lab_only(lab: Cli, second: Cli):
    with _overlay(lab, second):
        _pinger(lab, "manager", "10.77.0.10")
        _pinger(second, "manager", "10.77.0.20")
        _pinger(second, "worker-1", "10.77.0.21")
        assert _reaches(second, "manager", "10.77.0.21", within_s=DEADLINE_S)
        assert not _reaches(lab, "manager", "10.77.0.21")
        assert not _reaches(second, "worker-1", "10.77.0.10")


def _possessions(cli: Cli) -> dict[str, Any]:
    """Return what a lab has on this machine."""
    groups = [cgroups.group(hierarchy, cli.lab) for hierarchy in cgroups.hierarchies()]
    return {
        "processes": {pid: start_time(pid) for pid in cgroups.processes(cli.lab)},
        "groups": sorted(str(path) for group in groups for path in group.rglob("*") if path.is_dir()),
        "sockets": {str(path): path.stat().st_ino for path in cli.paths.run.rglob("*") if path.is_socket()},
        "state": cli.paths.state_file.read_text(),
        "disks": sorted(str(path) for form in ("*", "hosts/*/*") for path in cli.paths.state.glob(form)),
    }


def test_a_lab_of_one_host_passes_and_goes_and_leaves_the_other_exactly_as_it_was(lab: Cli, fresh: Cli, inventory):
    before = _possessions(lab)
    assert all(before.values())
    result = fresh.json("up", "-i", str(inventory(["manager"], [])))
    assert [(node["hostname"], node["role"], node["leader"]) for node in result["nodes"]] == [
        ("manager", "manager", True)
    ]
    assert set(verdicts(fresh.json("verify")).values()) == {"pass"}
    assert fresh.run("down").code == 0
    assert not fresh.paths.state.exists()
    assert _possessions(lab) == before


def _holder(cli: Cli, run: subprocess.Popen[str]) -> lock.Holder:
    """Wait until a run has written itself into the lock file."""
    end = time.monotonic() + DEADLINE_S
    while True:
        holder = lock.read_holder(cli.paths)
        if holder is not None and holder.parent.pid == run.pid:
            return holder
        assert run.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def _changing(cli: Cli) -> Iterator[subprocess.Popen[str]]:
    """Have a `lab up` under way, standing still from the moment at which it has the lock; let it end well."""
    up = cli.start("up")
    holder = _holder(cli, up)
    os.kill(holder.process.pid, signal.SIGSTOP)
    try:
        yield up
    finally:
        os.kill(holder.process.pid, signal.SIGCONT)
        out, err = up.communicate(timeout=120)
    assert up.returncode == 0, out + err


@pytest.fixture(scope="module")
def changing(second: Cli) -> Iterator[subprocess.Popen[str]]:
    """A `lab up` that holds the second lab."""
    with _changing(second) as up:
        yield up


@pytest.mark.parametrize("command", [["up"], ["down"], ["stage", "run", "standalone-containers"]], ids=" ".join)
def test_a_second_change_of_a_lab_is_refused_at_once(second: Cli, changing: subprocess.Popen[str], command: list[str]):
    start = time.monotonic()
    done = second.run(*command)
    assert time.monotonic() - start < 2
    assert done.code == 5, done.text
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert f"lab 'test-second' is held by pid {changing.pid} (lab up, since " in done.err
    assert "--wait waits for it" in done.err
    assert changing.poll() is None


def test_plain_ansible_is_refused_as_well(second: Cli, changing: subprocess.Popen[str], tmp_path: Path):
    done = subprocess.run(
        ["ansible-playbook", "-i", "inventory/netns.yml", "-e", f"lab_name={second.lab}", "playbooks/up.yml"],
        cwd=REPO,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, done.stdout + done.stderr
    assert f"is held by pid {changing.pid} (lab up" in done.stdout + done.stderr
    assert "PLAY RECAP" not in done.stdout


@pytest.mark.parametrize("command", ["status", "verify"])
def test_looking_at_a_lab_is_not_blocked_by_a_change(second: Cli, changing: subprocess.Popen[str], command: str):
    done = second.run(command)
    assert done.code == 0, done.text
    assert "worker-1" in done.out
    assert changing.poll() is None


def test_a_change_waits_for_another_and_then_succeeds(fresh: Cli, inventory):
    up = fresh.start("up", "-i", str(inventory(["manager"], [])))
    _holder(fresh, up)
    down = fresh.run("down", "--wait", "60")
    assert up.poll() is not None, "it did not wait"
    out, err = up.communicate(timeout=60)
    assert up.returncode == 0, out + err
    assert down.code == 0, down.text
    assert not fresh.paths.state.exists()


ODD = {"manager-1": "192.0.2.11", "manager-2": "192.0.2.77", "worker": "192.0.2.12"}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A lab of two managers and a worker on a segment of its own; one address is given by hand."""
    managers = {"manager-1": {}, "manager-2": {"lab_address": ODD["manager-2"]}}
    hosts = _inventory(tmp_path_factory.mktemp("odd"), managers, {"worker": {}}, lab_segment="192.0.2.0/24")
    yield from _lab("test-odd", "-i", hosts)


def test_two_managers_and_a_worker_pass_and_one_manager_leads(odd: Cli):
    result = odd.json("verify")
    assert set(verdicts(result).values()) == {"pass"}
    assert len(result["pings"]) == 6
    nodes = swarm.nodes(odd.engine("manager-2"))
    assert {node.hostname: node.role for node in nodes} == {
        "manager-1": "manager",
        "manager-2": "manager",
        "worker": "worker",
    }
    assert [node.leader for node in nodes].count(True) == 1


def test_an_address_given_by_hand_and_a_segment_of_ones_own_are_used(odd: Cli):
    assert _addresses(odd) == ODD
    for host, address in ODD.items():
        assert f"inet {address}/24 " in odd.on(host, "ip -4 -o addr show eth0").out
        assert swarm.membership(odd.engine(host)).address == address
