"""List the networks of an engine."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction
from ansible_collections.lab.swarm.plugins.plugin_utils.looking import side_by_side

from lab.engine import network


class ActionModule(LabAction):
    """What C(docker network ls) shows, on each of the hosts."""

    noun = "network_list"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """List."""
        hosts = arguments["hosts"] or [self.host]
        command = "docker network ls"
        self.announce(command, hosts)
        found = side_by_side(hosts, lambda host: network.listed(self.engine(host)))
        rows = {
            host: [f"{n['id'][:12]}  {n['name']:<18} {n['driver']:<8} {n['scope']}" for n in networks]
            for host, networks in found.items()
        }
        return {
            "changed": False,
            "host": ", ".join(hosts),
            "networks": found,
            "names": {host: [n["name"] for n in networks] for host, networks in found.items()},
            "command": command,
            "output": by_host(rows),
        }


def by_host(rows: dict[str, list[str]]) -> str:
    """Return the lines of several hosts as one text, each host's under its name; a single host's as they are."""
    if len(rows) == 1:
        return "\n".join(next(iter(rows.values())))
    return "\n".join(line for host, lines in rows.items() for line in (f"{host}:", *(f"  {one}" for one in lines)))
