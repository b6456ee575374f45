"""Open the swarm's ports on a host to the swarm's other hosts, close them again, or count what passed."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils import firewall
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction, change_result

from lab import sampling
from lab.engine.change import Change
from lab.firewall import nftables
from lab.firewall.ports import Opening, swarm_ports


class ActionModule(LabAction):
    """One nft transaction; a host whose input nobody drops is left alone."""

    noun = "swarm_ports"
    changes = True

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Bring the chain to the state asked for, or return its counts."""
        place, listing = firewall.listing(self.command)
        if place is None:
            return {
                "changed": False,
                "host": self.host,
                "place": "",
                "counts": {},
                "refused": {},
                "silent": [],
                "untouched": [],
            }
        refused = nftables.refused(listing)
        read = {"host": self.host, "place": str(place), "refused": refused}
        if arguments["state"] == "counted":
            return {"changed": False, **read, **self._counted(listing, refused, arguments)}
        opening = Opening(
            peers=[peer for peer in arguments["peers"] if peer != arguments["own"]],
            manager=arguments["manager"],
            data_path_port=arguments["data_path_port"],
            encrypted=arguments["encrypted"],
        )
        before = nftables.standing(listing)
        opened = arguments["state"] == "present"
        after = nftables.wanted(opening) if opened else {"rules": [], "peers": {}, "used": 0, "counted": False}
        change = Change(before, after, actions=("open the swarm's ports" if opened else "close the swarm's ports",))
        if change.changed and not self.check_mode:
            render = nftables.render(place, opening, listing) if opened else nftables.render_removal(place, listing)
            firewall.run(self.command, ("nft", "-f", "-"), render)
        return {**change_result(change), **read}

    def _counted(self, listing: str, refused: dict[str, int], arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the counts, and which of them have not grown since an earlier look."""
        counts, since = nftables.counts(listing), arguments["since"]
        names: dict[str, str] = arguments["addresses"]
        silent = [
            f"{peer} to {self.host} {port}"
            for port in swarm_ports(arguments["data_path_port"])
            if port.protocol == "udp" and since
            for peer in sampling.peers(self.host, list(names), arguments["full_up_to"])
            if not _grown(counts, since["counts"], nftables.set_name(port), names[peer])
        ]
        untouched = [f"{self.host} {port}" for port in refused if since and refused[port] <= since["refused"][port]]
        return {"counts": counts, "silent": silent, "untouched": untouched}


def _grown(now: dict[str, dict[str, int]], before: dict[str, dict[str, int]], name: str, address: str) -> bool:
    return now.get(name, {}).get(address, 0) > before.get(name, {}).get(address, 0)
