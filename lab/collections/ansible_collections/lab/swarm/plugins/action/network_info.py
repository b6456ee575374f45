"""Look at a network on one host or several, or wait until it is there or gone."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction
from ansible_collections.lab.swarm.plugins.plugin_utils.looking import side_by_side

from lab.engine import network
from lab.engine.client import Engine


class ActionModule(LabAction):
    """Each engine's view: an overlay lists the containers of that engine only."""

    noun = "network_info"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the inspections, if any, with the seconds waited."""
        name, hosts = arguments["name"], arguments["hosts"] or [self.host]
        command = f"docker network inspect {name}"
        self.announce(command, hosts)
        found = side_by_side(hosts, lambda host: self._look(self.engine(host), arguments))
        first = found[hosts[0]]
        return {
            **first,
            "changed": False,
            "host": ", ".join(hosts),
            "hosts": found,
            "by_host": {host: seen["container_ids"] for host, seen in found.items() if seen["container_ids"]},
            "waited": max(seen["waited"] for seen in found.values()),
            "command": command,
            "output": "\n".join(
                f"{host}: {_line(seen)}" if len(hosts) > 1 else _line(seen) for host, seen in found.items()
            ),
        }

    def _look(self, engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
        wait_for, deadline = arguments["wait_for"], arguments["deadline"]
        if self.check_mode or (wait_for == "any" and not arguments["peers"]):
            found, waited = network.inspect(engine, arguments["name"]), 0.0
        elif arguments["peers"]:
            found, waited = network.wait_peers(engine, arguments["name"], arguments["peers"], deadline)
        else:
            found, waited = network.wait(engine, arguments["name"], present=wait_for == "present", deadline_s=deadline)
        containers = network.containers(found)
        return {
            "present": found is not None,
            "id": (found or {}).get("Id", ""),
            "network": found or {},
            "containers": sorted(container["name"] for container in containers),
            "container_ids": sorted(container["id"] for container in containers),
            "addresses": {container["name"]: container["address"] for container in containers},
            "peers": network.peers(found),
            "waited": waited,
        }


def _line(seen: dict[str, Any]) -> str:
    if not seen["present"]:
        return "no such network"
    shown = seen["network"]
    parts = [f"{seen['id'][:12]} {shown['Name']} {shown['Driver']} {shown['Scope']}"]
    parts += [f"containers: {', '.join(f'{n} ({a})' for n, a in seen['addresses'].items()) or 'none'}"]
    parts += [f"peers: {', '.join(seen['peers'])}"] if seen["peers"] else []
    return "; ".join(parts)
