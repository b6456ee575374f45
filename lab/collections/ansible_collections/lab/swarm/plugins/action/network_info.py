"""Look at a network, or wait until it is there or gone."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import network


class ActionModule(LabAction):
    """One engine's view: an overlay lists the containers of that engine only."""

    noun = "network_info"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the inspection, if any, with the seconds waited."""
        engine, name = self.engine(), arguments["name"]
        self.announce(f"docker network inspect {name}")
        if arguments["wait_for"] == "any":
            found, waited = network.inspect(engine, name), 0.0
        else:
            present = arguments["wait_for"] == "present"
            found, waited = network.wait(engine, name, present=present, deadline_s=arguments["deadline"])
        return {
            "changed": False,
            "host": self.host,
            "present": found is not None,
            "id": (found or {}).get("Id", ""),
            "network": found or {},
            "containers": sorted(entry["Name"] for entry in ((found or {}).get("Containers") or {}).values()),
            "waited": waited,
            "command": f"docker network inspect {name}",
            "output": f"{found['Id'][:12]} {found['Name']} {found['Driver']} {found['Scope']}"
            if found
            else "no such network",
        }
