"""Seven hosts reached by SSH, three of them managers: one is lost, the swarm works on, and up repairs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.hosts.base import LabPaths
from tests.integration.command import verdicts
from tests.integration.remote import Remote

MANAGERS = ("manager-1", "manager-2", "manager-3")
WORKERS = ("worker-1", "worker-2", "worker-3", "worker-4")
HOSTS = (*MANAGERS, *WORKERS)
END_ENGINE = "kill -9 $(cat /var/run/docker.pid); rm -f /var/run/docker.sock"


@pytest.fixture(scope="module")
def remote(remote_layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    made = Remote(LabPaths.of("test-remote-hosts"), remote_layer, tmp_path_factory.mktemp("user"), lab="test-seven")
    try:
        made.start(*HOSTS)
        yield made
    finally:
        made.end(lambda: made.run("down", "--force"))


@pytest.fixture(scope="module")
def hosts(remote: Remote) -> str:
    return str(remote.inventory(MANAGERS, WORKERS))


def nodes(remote: Remote, manager: str) -> dict[str, tuple[str, str]]:
    """Return each node's state and part among the managers, by name, as a manager tells; names are unique."""
    told = remote.run(
        "docker", manager, "--", "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}"
    ).out
    lines = [f"{line} ".split(" ") for line in told.splitlines()]
    assert len({line[0] for line in lines}) == len(lines)
    return {line[0]: (line[1], line[2]) for line in lines}


def test_seven_hosts_form_a_swarm_whose_overlay_reaches_everybody(remote: Remote, hosts: str):
    result = remote.json("up", "-i", hosts)
    assert len(result["pings"]) == 42
    assert set(verdicts(remote.json("verify")).values()) == {"pass"}
    assert [name for name, (_, part) in nodes(remote, "manager-2").items() if part] == list(MANAGERS)


def test_with_a_manager_lost_the_others_go_on_and_up_brings_it_back(remote: Remote, hosts: str):
    assert remote.on("manager-1", END_ENGINE).code == 0
    told = remote.run("verify")
    assert told.code == 4
    assert "manager-1: " in told.err
    made = remote.run(
        "docker",
        "manager-2",
        "--",
        "service",
        "create",
        "-d",
        "--name",
        "still",
        "swarm-lab/busybox:debian",
        "sleep",
        "9",
    )
    assert made.code == 0, made.text
    assert remote.run("docker", "manager-2", "--", "service", "rm", "still").code == 0
    done = remote.run("up", "-i", hosts)
    assert done.code == 0, done.text
    assert {state for state, _ in nodes(remote, "manager-1").values()} == {"Ready"}
    assert set(verdicts(remote.json("verify")).values()) == {"pass"}


def test_a_first_manager_that_lost_its_disk_joins_the_others_and_leaves_no_ghost(remote: Remote, hosts: str):
    assert remote.on("manager-1", f"{END_ENGINE}; rm -rf /var/lib/docker/swarm").code == 0
    done = remote.run("up", "-i", hosts)
    assert done.code == 0, done.text
    found = nodes(remote, "manager-1")
    assert sorted(found) == sorted(HOSTS)
    assert {state for state, _ in found.values()} == {"Ready"}
    assert [name for name, (_, part) in found.items() if part] == list(MANAGERS)


def test_hosts_that_left_the_inventory_leave_the_swarm(remote: Remote):
    fewer = str(remote.inventory(MANAGERS[:2], WORKERS[:3]))
    done = remote.run("up", "-i", fewer, "--prune")
    assert done.code == 0, done.text
    assert sorted(nodes(remote, "manager-1")) == ["manager-1", "manager-2", "worker-1", "worker-2", "worker-3"]
    for gone in ("manager-3", "worker-4"):
        assert remote.on(gone, "docker info -f '{{.Swarm.LocalNodeState}}'").out == "inactive\n"
    result = remote.json("down")
    assert set(verdicts(result).values()) == {"pass"}
    assert [remote.on(host, "docker info -f '{{.Swarm.LocalNodeState}}'").out for host in HOSTS] == ["inactive\n"] * 7
