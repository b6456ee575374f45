"""Open the swarm's ports on a host to the swarm's other hosts, close them again, or count what passed."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils import firewall
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction, change_result

from lab import sampling
from lab.engine.change import Change
from lab.firewall import nftables, tools
from lab.firewall.ports import Opening, swarm_ports

_COUNTS = ("host", "tool", "place", "counts", "refused", "silent", "untouched")


class ActionModule(LabAction):
    """One change by the tool that is active; a host whose input nobody drops is left alone."""

    noun = "swarm_ports"
    changes = True

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Bring the firewall to the state asked for, or return its counts."""
        absent, counted = arguments["state"] == "absent", arguments["state"] == "counted"
        if counted and arguments["since"] and arguments["since"]["tool"] not in tools.COUNTING:
            return {"changed": False, **{key: arguments["since"][key] for key in _COUNTS}}
        found = firewall.read(self.command, arguments["tool"], arguments["own"], held=absent, for_counts=counted)
        tool, listing = found.tool, found.listing
        read: dict[str, Any] = {"host": self.host, "tool": found.name, "place": found.place}
        if tool is None:
            said = f"{self.host} has no active firewall: left alone"
            empty: dict[str, Any] = {"counts": {}, "refused": {}, "silent": [], "untouched": []}
            return {"changed": False, **read, **empty, "said": said}
        refused = tool.refused(listing)
        read["refused"] = refused
        if counted:
            return {"changed": False, **read, **self._counted(tool.counts(listing), refused, arguments)}
        opening = Opening(
            peers=sorted((peer for peer in arguments["peers"] if peer != arguments["own"]), key=ipaddress.IPv4Address),
            manager=arguments["manager"],
            data_path_port=arguments["data_path_port"],
            encrypted=arguments["encrypted"],
        )
        opened = arguments["state"] == "present"
        change = Change(
            tool.standing(listing),
            tool.wanted(opening, listing) if opened else tool.nothing(),
            actions=(f"{'open' if opened else 'close'} the swarm's ports ({found.name})",),
        )
        if change.changed and not self.check_mode:
            render = tool.render(opening, listing, arguments["own"])
            firewall.run(self.command, render if opened else tool.render_removal(listing, arguments["own"]))
        return {**change_result(change), **read}

    def _counted(
        self, counts: dict[str, dict[str, int]], refused: dict[str, int], arguments: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the counts, and which of them have not grown since an earlier look."""
        since = arguments["since"]
        names: dict[str, str] = arguments["addresses"]
        silent = [
            f"{peer} to {self.host} {port}"
            for port in swarm_ports(arguments["data_path_port"])
            if port.protocol == "udp" and since and since["counts"]
            for peer in sampling.peers(self.host, list(names), arguments["full_up_to"])
            if not _grown(counts, since["counts"], nftables.set_name(port), names[peer])
        ]
        untouched = [f"{self.host} {port}" for port in refused if since and refused[port] <= since["refused"][port]]
        return {"counts": counts, "silent": silent, "untouched": untouched}


def _grown(now: dict[str, dict[str, int]], before: dict[str, dict[str, int]], name: str, address: str) -> bool:
    return now.get(name, {}).get(address, 0) > before.get(name, {}).get(address, 0)
