"""The stages: each claim holds, can fail, and nothing of anybody else's is touched."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.integration.command import Cli, verdicts

NAME = "standalone-containers"
CLAIMS = {
    f"{NAME}.no-network-before": "pass",
    f"{NAME}.same-network-id": "pass",
    f"{NAME}.ping-host1-to-host2": "pass",
    f"{NAME}.ping-host2-to-host1": "pass",
    f"{NAME}.removed-at-end": "pass",
    f"{NAME}.large-packet": "pass",
    f"{NAME}.http": "pass",
    f"{NAME}.name-used-twice": "observed",
    f"{NAME}.stops-with-session": "pass",
    f"{NAME}.network-leaves": "pass",
    f"{NAME}.nothing-left": "pass",
}


def _things(lab: Cli) -> dict[str, set[str]]:
    """Return the names of the containers and networks on each host."""
    found = {}
    for host in ("manager", "worker-1", "worker-2"):
        engine = lab.engine(host)
        names = {name for container in engine.containers(all=True) for name in container["Names"]}
        found[host] = names | {network["Name"] for network in engine.networks()}
    return found


def test_a_stage_proves_its_claims_shows_its_commands_and_leaves_nothing(lab: Cli, tmp_path: Path):
    before = _things(lab)
    done = lab.run("stage", "run", NAME, "--explain", "--json", str(tmp_path / "result.json"))
    assert verdicts(json.loads((tmp_path / "result.json").read_text())) == CLAIMS
    assert _things(lab) == before
    shown = [line for line in done.out.splitlines() if line.startswith(("manager$ ", "worker-1$ "))]
    assert "manager$ docker network create -d overlay --attachable test-net" in shown
    assert any(line.startswith("worker-1$ docker run -dit --name alpine2 --network test-net") for line in shown)
    command = done.out.index("docker attach alpine1; / # ping -c 2 alpine2")
    step = done.out.index("In the session of alpine1, ping alpine2")
    output = done.out.index("2 packets transmitted, 2 packets received, 0% packet loss")
    assert command < step < output


def test_create_swarm_can_be_checked_again(lab: Cli):
    result = lab.json("stage", "run", "create-swarm")
    assert set(verdicts(result).values()) == {"pass"}
    assert result["changed"] == 0


def test_a_killed_stage_runs_again_and_the_users_things_survive(lab: Cli):
    manager, worker = lab.engine("manager"), lab.engine("worker-1")
    manager.create_network("users-net", driver="overlay", attachable=True)
    mine = worker.create_container("swarm-lab/busybox:debian", ["sleep", "600"], name="users-own", tty=True)
    worker.start(mine["Id"])
    try:
        run = lab.start("stage", "run", NAME)
        time.sleep(4)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate(timeout=30)
        assert verdicts(lab.json("stage", "run", NAME)) == CLAIMS
        assert worker.inspect_container("users-own")["State"]["Running"]
        assert manager.inspect_network("users-net")["Name"] == "users-net"
    finally:
        worker.remove_container(mine["Id"], force=True)
        manager.remove_network("users-net")


def test_stage_clean_removes_what_a_killed_stage_left(lab: Cli):
    before = _things(lab)
    run = lab.start("stage", "run", NAME)
    deadline = time.monotonic() + 30
    while "/alpine2" not in _things(lab)["worker-1"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate(timeout=30)
    assert _things(lab) != before
    assert lab.run("stage", "clean", NAME).code == 0
    assert _things(lab) == before


def test_a_second_check_run_changes_nothing(lab: Cli):
    before = _things(lab)
    for _ in range(2):
        assert lab.run("stage", "run", NAME, "--check").code == 0
        assert _things(lab) == before


@pytest.mark.parametrize("kind", ["container", "network"])
def test_a_name_that_is_somebody_elses_is_refused_and_not_touched(lab: Cli, kind: str):
    engine = lab.engine("manager")
    if kind == "container":
        made = engine.create_container("swarm-lab/busybox:debian", name="alpine1")["Id"]
    else:
        made = engine.create_network("test-net", driver="overlay")["Id"]
    try:
        done = lab.run("stage", "run", NAME)
        assert done.code == 2
        name = "alpine1" if kind == "container" else "test-net"
        assert f"a {kind} '{name}' exists that is not this lab's" in done.err
        look = engine.inspect_container if kind == "container" else engine.inspect_network
        assert look(made)["Id"] == made
    finally:
        (engine.remove_container if kind == "container" else engine.remove_network)(made)


@pytest.mark.parametrize(
    ("host", "rule", "failing"),
    [
        (
            "worker-1",
            "udp dport 4789 ip length gt 1400",
            {f"{NAME}.large-packet"},
        ),
    ],
)
def test_a_claim_fails_when_the_thing_that_it_is_about_is_broken(lab: Cli, host: str, rule: str, failing: set[str]):
    assert lab.on(host, f"nft insert rule inet filter input {rule} drop").code == 0
    try:
        result = lab.json("stage", "run", NAME, code=1)
    finally:
        listing = lab.on(host, "nft -a list chain inet filter input").out
        handle = next(line for line in listing.splitlines() if "ip length" in line).split()[-1]
        assert lab.on(host, f"nft delete rule inet filter input handle {handle}").code == 0
    assert {claim for claim, verdict in verdicts(result).items() if verdict == "fail"} == failing


def test_a_ping_between_containers_of_one_host_cannot_pass(lab: Cli, inventory):
    variables = {"stage_standalone_containers_host2": "manager", "stage_standalone_containers_deadline": 2}
    hosts = inventory(["manager"], ["worker-1", "worker-2"], **variables)
    result = lab.json("stage", "run", NAME, "-i", str(hosts), code=1)
    failed = {claim for claim, verdict in verdicts(result).items() if verdict == "fail"}
    assert {f"{NAME}.ping-host1-to-host2", f"{NAME}.ping-host2-to-host1"} <= failed
