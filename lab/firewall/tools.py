"""The tools by which a host's firewall is managed: which one is active there, and what each can do."""

from __future__ import annotations

import re
from typing import Any, Protocol

from lab.errors import MachineLacks
from lab.firewall import firewalld, iptables, nftables, ufw
from lab.firewall.nftables import Place
from lab.firewall.ports import Opening

NAMES = ("firewalld", "ufw", "nftables", "iptables")
COUNTING = frozenset({"nftables", "iptables"})
"""The tools that count the packets that our rules have matched."""
NONE = "none"
DETECTION = r"""
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
command -v firewall-cmd >/dev/null && firewall-cmd --state >/dev/null 2>&1 && echo "== firewalld"
grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf && echo "== ufw"
grep -qs ' comment=737761726d2d6c6162$' /etc/ufw/user.rules && echo "== held_by_ufw"
chains=$(nft -j list chains 2>/dev/null) && printf '== nft\n%s\n' "$chains"
case $chains in
	*'"policy": "drop"'*'"name": "INPUT"'* | *'"name": "INPUT"'*'"policy": "drop"'*) shut=yes ;;
	*'"policy": "drop"'*) shut= ;;
	*) shut=yes ;;
esac
[ -z "$shut" ] || { echo "== iptables"; iptables -w -S INPUT 2>/dev/null; }
echo "== end"
"""
"""Tells what is there by as few programs as possible: most hosts have several of them, and one in use.

firewalld is asked itself: run by its systemd unit it leaves no pid file.
"""

_OF_IPTABLES = ("filter", "INPUT")
"""The chain that iptables keeps in nftables, and ufw by it: theirs to change, not ours."""
_PART = re.compile(r"^== (\w+)\n(.*?)(?=^== )", re.MULTILINE | re.DOTALL)


class Tool(Protocol):
    """What a tool can do; a listing is the output of its ``listing_script``, ``own`` the host's address."""

    def listing_script(self, own: str) -> str:
        """Return the script that lists what stands."""

    def standing(self, listing: str) -> dict[str, Any]:
        """Return what of ours stands."""

    def wanted(self, opening: Opening, listing: str) -> dict[str, Any]:
        """Return what ``standing`` gives where the opening is in place, beside what others have in the listing."""

    def nothing(self) -> dict[str, Any]:
        """Return what ``standing`` gives where nothing of ours is."""

    def render(self, opening: Opening, listing: str, own: str) -> str:
        """Return the script that puts the opening in place."""

    def render_removal(self, listing: str, own: str) -> str:
        """Return the script that takes back what of ours stands."""

    def counts(self, listing: str) -> dict[str, dict[str, int]]:
        """Return the packets counted for each peer, by the names that nftables' sets have."""

    def refused(self, listing: str) -> dict[str, int]:
        """Return the packets that our closing rules dropped, by port."""


def detect(output: str, named: str = "", *, held: bool = False) -> tuple[str, Tool | None, str]:
    """Return the active tool's name, the tool, and the place where it acts; (none, None, "") where nobody drops.

    ``output`` is that of ``DETECTION``; ``named`` is the tool that the inventory names. With ``held``, ufw and iptables
    count as active too where they hold rules of ours: somebody may have switched them off since. Raises MachineLacks
    where the named one is not active there, LabError where several native chains drop.
    """
    parts = dict(_PART.findall(output))
    found: list[Place] = nftables.places(parts["nft"]) if parts.get("nft", "").strip() else []
    if iptables.drops(parts.get("iptables", "")):
        found = [place for place in found if (place.table, place.chain) != _OF_IPTABLES]
    active = {
        "firewalld": "firewalld" in parts,
        "ufw": "ufw" in parts,
        "nftables": bool(found),
        "iptables": iptables.drops(parts.get("iptables", "")),
    }
    holders = {"ufw": "held_by_ufw" in parts, "iptables": iptables.holds(parts.get("iptables", ""))}
    holding = [tool for tool, holds in holders.items() if held and holds]
    active.update(dict.fromkeys(holding, True))
    name = named or next((tool for tool in (*holding, *NAMES) if active[tool]), NONE)
    if name == NONE:
        return NONE, None, ""
    if not active[name]:
        others = ", ".join(tool for tool in NAMES if active[tool]) or "none"
        raise MachineLacks(f"{name} is not active there", hint=f"active: {others}; swarm_ports_tool")
    if name == "nftables":
        place = nftables.require_place(found)
        return name, nftables.Table(place), str(place)
    tools: dict[str, Tool] = {"firewalld": firewalld, "ufw": ufw, "iptables": iptables}
    return name, tools[name], name
