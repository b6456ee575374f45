"""A join that a closed port keeps from the manager, for as long as an engine waits: 20 s."""

from __future__ import annotations

from tests.integration.command import Cli, verdicts
from tests.integration.test_ports import ADDRESSES, close, reopen


def test_with_2377_closed_a_join_names_the_port_and_succeeds_once_it_is_open_and_the_tokens_are_rotated(lab: Cli):
    tokens = lab.engine("manager").inspect_swarm()["JoinTokens"]
    lab.engine("worker-2").leave_swarm(force=True)
    close(lab, "manager", f"ip saddr {ADDRESSES['worker-2']} tcp dport 2377")
    try:
        done = lab.run("up")
        assert done.code == 1
        assert "worker-2: swarm join" in done.err
        assert "2377/tcp of 198.18.0.11 does not answer" in done.err
        assert lab.engine("worker-2").info()["Swarm"]["LocalNodeState"] == "inactive"
    finally:
        reopen(lab, "manager")
    result = lab.json("up")
    assert set(verdicts(result).values()) == {"pass"}
    assert [node["hostname"] for node in result["nodes"]] == list(ADDRESSES)
    rotated = lab.engine("manager").inspect_swarm()["JoinTokens"]
    assert rotated["Worker"] != tokens["Worker"]
    assert rotated["Manager"] != tokens["Manager"]
    assert lab.json("up")["changed"] == 0
