"""What the stages' tests share: the verdicts to expect, what is on the hosts, and what a user made there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.hosts import facts
from lab.project import project
from lab.stages import stage
from tests.integration.command import Cli, verdicts
from tests.integration.remote import Remote

HOSTS = ("manager", "worker-1", "worker-2")
SHELL = "swarm-lab/busybox:debian"
OBSERVED = {"default-overlay.unused-network-on-workers", "standalone-containers.name-used-twice"}
NEED_IPVS = {
    "container-and-service.http-by-virtual-ip",
    "default-overlay.mesh-on-every-host",
    "default-overlay.mesh-spreads",
    "user-defined-overlay.port-on-every-host",
}
NEED_INTERNET = {"container-and-service.internet"}
QUICK = {"stage_default_overlay_replicas": 2}
"""Variables with which the longest stage, whose update takes some four seconds a replica, is shorter."""


def expected(lab: Cli | Remote, names: Sequence[str]) -> dict[str, str]:
    """Return each claim of the stages with the verdict that it should have on this machine: probed, not assumed."""
    ipvs = facts.parse(lab.on("manager", facts.SCRIPT).out).ipvs
    skipped = NEED_INTERNET | (set() if ipvs else NEED_IPVS)
    claims = [claim.id for name in names for claim in stage(project(), name).claims]
    return {claim: "observed" if claim in OBSERVED else "skip" if claim in skipped else "pass" for claim in claims}


def things(lab: Cli) -> dict[str, set[str]]:
    """Return the names of the containers and networks on each host."""
    found = {}
    for host in HOSTS:
        engine = lab.engine(host)
        names = {name for container in engine.containers(all=True) for name in container["Names"]}
        found[host] = names | {network["Name"] for network in engine.networks()}
    return found


def kill_and_run_again(lab: Cli, name: str, moment: float, hosts: str) -> None:
    """Kill a walk through a stage so many seconds after its start, and see the next one give the same verdicts."""
    run = lab.start("stage", "run", name, "-i", hosts)
    time.sleep(moment)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate(timeout=30)
    result = lab.json("stage", "run", name, "-i", hosts)
    assert verdicts(result) == expected(lab, [name]), f"{name} killed after {moment:.2f} s"


@dataclass
class Users:
    """A network, a service and a container that are nothing of the lab's."""

    lab: Cli
    containers: list[str] = field(default_factory=list)

    def make(self) -> None:
        """Make them, and wait until they run."""
        manager, worker = self.lab.engine("manager"), self.lab.engine("worker-1")
        network = manager.create_network("users-net", driver="overlay", attachable=True)["Id"]
        template = {
            "ContainerSpec": {"Image": SHELL, "Args": ["sleep", "600"], "StopGracePeriod": 1},
            "Networks": [{"Target": network}],
        }
        manager.create_service(template, name="users-service")
        made = worker.create_container(SHELL, ["sleep", "600"], name="users-own")["Id"]
        worker.start(made)
        self.containers.append(made)
        deadline = time.monotonic() + 30
        while self.seen()["service"][1:] != ["running"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def seen(self) -> dict[str, list[str]]:
        """Return ids and states."""
        manager, worker = self.lab.engine("manager"), self.lab.engine("worker-1")
        services = manager.services(filters={"name": "users-service"})
        tasks = manager.tasks(filters={"service": "users-service", "desired-state": "running"})
        container = worker.inspect_container("users-own")
        return {
            "network": [network["Id"] for network in manager.networks(names=["users-net"])],
            "service": [*(one["ID"] for one in services), *(task["Status"]["State"] for task in tasks)],
            "task": [task["ID"] for task in tasks],
            "container": [container["Id"], container["State"]["Status"], container["State"]["StartedAt"]],
        }

    def remove(self) -> None:
        """Remove them, and wait until they are gone."""
        manager, worker = self.lab.engine("manager"), self.lab.engine("worker-1")
        for one in self.containers:
            worker.remove_container(one, force=True)
        for service in manager.services(filters={"name": "users-service"}):
            manager.remove_service(service["ID"])
        for network in manager.networks(names=["users-net"]):
            manager.remove_network(network["Id"])
        deadline = time.monotonic() + 30
        while any("users-" in name for names in things(self.lab).values() for name in names):
            assert time.monotonic() < deadline
            time.sleep(0.1)
