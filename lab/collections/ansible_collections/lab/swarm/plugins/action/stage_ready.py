"""Find everything ready for a stage, before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import readiness, swarm
from lab.engine.client import Engine
from lab.errors import InvalidInput
from lab.hosts import facts
from lab.hosts.facts import HostFacts
from lab.polling import until

RELEASE_S = 3.0
"""Seconds for which a port may still be held by a service that has just been removed."""


class ActionModule(LabAction):
    """One host: its part in the swarm, its images, its ports, and the names that the stage will use."""

    noun = "stage_ready"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Refuse with every problem of this host, or return what its kernel can do."""
        if len(self.members) < arguments["hosts"]:
            raise InvalidInput(f"the stage needs {arguments['hosts']} hosts; the inventory has {len(self.members)}")
        engine, first = self.engine(), self.members[0]
        manager = engine if self.host == first else self.engine(first)
        problems = readiness.swarm_problems(engine, manager, self.host)
        problems += readiness.version_problems(engine, arguments["engine"])
        problems += readiness.image_problems(engine, arguments["images"])
        if not problems:
            names = {"network": arguments["networks"], "container": arguments["containers"].get(self.host, [])}
            swarm_wide = {"service": arguments["services"]} if self.host == first else {}
            problems += readiness.name_problems(engine, {**names, **swarm_wide}, self.paths.name, self.stage)
        told, taken = self._ports(arguments["ports"])
        services = {} if problems else readiness.published(manager, arguments["ports"])
        problems += [f"port {port}/tcp is taken by {self._holder(engine, port, services)}" for port in taken]
        if self.host == first:
            problems += [
                f"port {port}/tcp is published by service {services[port]}" for port in services if port not in taken
            ]
        if problems:
            raise InvalidInput(
                f"is not ready for stage {self.stage}; nothing was changed", problems=tuple(problems), host=self.host
            )
        return {
            "changed": False,
            "host": self.host,
            "stage": self.stage,
            "address": swarm.membership(engine).address,
            "kernel": told.kernel,
            "ipvs": told.ipvs,
            "no_ipvs": told.no_ipvs(self.host),
            "no_internet": "" if told.default_route else f"{self.host} has no default route: the lab has no uplink",
        }

    def _ports(self, ports: list[int]) -> tuple[HostFacts, list[int]]:
        """Return the host's facts, and which of the ports are taken, once what is being removed has let go."""
        told, _ = until(
            lambda: facts.parse(self.command(facts.SCRIPT)[1]),
            lambda told: self.check_mode or told.listening.isdisjoint(ports),
            deadline_s=RELEASE_S,
            every_s=0.1,
        )
        return told, [port for port in ports if port in told.listening]

    def _holder(self, engine: Engine, port: int, services: Mapping[int, str]) -> str:
        return f"service {services[port]}" if port in services else readiness.holder(engine, port)
