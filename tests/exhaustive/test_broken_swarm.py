"""Claims of create-swarm about what a lab does not recover from."""

from __future__ import annotations

import time

from tests.integration.command import Cli, verdicts
from tests.integration.stages import HOSTS


def test_a_swarm_without_its_ingress_network_is_noticed(fresh: Cli, inventory):
    hosts = inventory(["manager"], ["worker-1", "worker-2"], stage_create_swarm_deadline=2)
    assert fresh.run("up", "-i", str(hosts)).code == 0
    fresh.engine("manager").remove_network("ingress")
    deadline = time.monotonic() + 20
    while any(fresh.engine(host).networks(names=["ingress"]) for host in HOSTS):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    failed = {claim for claim, verdict in verdicts(fresh.json("verify", code=1)).items() if verdict == "fail"}
    assert failed == {"create-swarm.networks"}
