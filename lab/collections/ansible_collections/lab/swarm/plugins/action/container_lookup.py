"""Look names up from inside a container."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import container, lookup


class ActionModule(LabAction):
    """The name server is the engine's own; what it knows of other hosts comes by gossip."""

    noun = "container_lookup"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Look up until each name has as many addresses as wanted; skipped in check mode."""
        source, wanted = arguments["name"], {name: int(count) for name, count in arguments["wanted"].items()}
        command = "; ".join(container.exec_command_line(source, ["nslookup", name]) for name in wanted)
        if self.check_mode:
            return {"changed": False, "skipped": True, "command": command, "addresses": {}, "waited": 0.0}
        self.announce(command)
        found, waited = lookup.addresses(self.engine(), source, wanted, arguments["deadline"])
        return {
            "changed": False,
            "host": self.host,
            "addresses": found,
            "waited": waited,
            "command": command,
            "output": "\n".join(f"{name}: {', '.join(ips) or 'unknown'}" for name, ips in found.items()),
        }
