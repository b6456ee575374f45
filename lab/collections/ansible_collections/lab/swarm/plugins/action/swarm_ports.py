"""Open the swarm's ports on a host to the swarm's other hosts, close them again, or count what passed."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils import firewall
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction, change_result

from lab.engine.change import Change
from lab.firewall import nftables
from lab.firewall.ports import Opening


class ActionModule(LabAction):
    """One nft transaction; a host whose input nobody drops is left alone."""

    noun = "swarm_ports"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Bring the chain to the state asked for, or return its counts."""
        place, listing = firewall.listing(self.command)
        if place is None:
            return {"changed": False, "host": self.host, "place": "", "counts": {}, "refused": {}}
        read = {"host": self.host, "place": str(place), "refused": nftables.refused(listing)}
        if arguments["state"] == "counted":
            return {"changed": False, **read, "counts": nftables.counts(listing)}
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
