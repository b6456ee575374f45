"""Look at a swarm and at an engine's part in it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import daemon, network, swarm
from lab.engine.client import APIError
from lab.errors import ClaimFailed


class ActionModule(LabAction):
    """Membership and networks of this host; the nodes, where it is a manager."""

    noun = "swarm_info"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Wait for the nodes named, if any, and return what there is."""
        engine = self.engine()
        member = swarm.membership(engine)
        waited = 0.0
        if member.manager and arguments["ready"]:
            missing, waited = swarm.wait_ready(engine, arguments["ready"], arguments["deadline"])
            if missing and arguments["require"]:
                raise ClaimFailed(f"not ready after {arguments['deadline']} s: {', '.join(missing)}")
        refusal = ""
        if not member.manager:
            try:
                engine.nodes()
            except APIError as error:
                refusal = str(error.explanation)
        networks = network.wait_listed(engine, arguments["networks"], arguments["deadline"])
        return {
            "changed": False,
            "host": self.host,
            "engine": asdict(daemon.facts(engine)),
            "membership": asdict(member),
            "nodes": [asdict(node) for node in swarm.nodes(engine)] if member.manager else [],
            "networks": networks,
            "asked": [
                f"{n['name']} {n['driver']} {n['scope']}" for n in networks if n["name"] in arguments["networks"]
            ],
            "refusal": refusal,
            "waited": waited,
            "command": "docker node ls" if member.manager else "docker network ls",
        }
