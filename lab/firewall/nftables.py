"""nftables: a chain of ours at the head of the host's input chain, and a count of what went where.

A verdict of accept in one base chain does not save a packet from a later one, so a table of our own could not
open anything: the chain has to stand inside the table that drops. Sets with a counter for each peer tell,
for every port, how many packets of that peer were let in; one more set counts the data path's way out.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.errors import LabError
from lab.firewall.ports import Opening, Port

CHAIN = "swarm_ports"
OUT_CHAIN = "swarm_ports_out"
ESP_SET = "swarm_esp"
KEPT = "/etc/nftables.d/swarm-lab.nft"
"""Where our rules are kept over a restart of the host, if its nftables.conf includes that directory's files."""
LIST_CHAINS = ("nft", "-j", "list", "chains")
_SETS = rf"swarm_\d+_(?:tcp|udp)(?:_out)?|{ESP_SET}"
_COUNTS = re.compile(r" counter packets \d+ bytes \d+")


@dataclass(frozen=True)
class Place:
    """A base chain that drops what nobody accepts: family, table, name."""

    family: str
    table: str
    chain: str

    def __str__(self) -> str:
        """Return it as nft names it."""
        return f"{self.family} {self.table} {self.chain}"


def places(listing: str) -> list[Place]:
    """Return the base chains for input with policy drop, from the output of ``nft -j list chains``."""
    chains: Iterator[Mapping[str, Any]] = (item["chain"] for item in json.loads(listing)["nftables"] if "chain" in item)
    return [
        Place(chain["family"], chain["table"], chain["name"])
        for chain in chains
        if chain.get("hook") == "input" and chain.get("policy") == "drop" and chain["family"] in {"inet", "ip"}
    ]


def set_name(port: Port) -> str:
    """Return the name of the set of peers from which a port is let in."""
    return f"swarm_{port.number}_{port.protocol}"


def out_set_name(data_path_port: int) -> str:
    """Return the name of the set that counts the data path's packets on their way out."""
    return f"swarm_{data_path_port}_udp_out"


def _sorted(peers: Sequence[str]) -> list[str]:
    return [str(address) for address in sorted(ipaddress.IPv4Address(peer) for peer in peers)]


def _rules(opening: Opening) -> list[str]:
    ports = opening.ports()
    rules = [f"{port.protocol} dport {port.number} ip saddr @{set_name(port)} accept" for port in ports]
    if opening.encrypted:
        rules.append(f"meta l4proto esp ip saddr @{ESP_SET} accept")
    rules += [f"{port.protocol} dport {port.number} counter drop" for port in ports]
    return rules


def _sets(opening: Opening) -> list[str]:
    esp = [ESP_SET] if opening.encrypted else []
    return [*(set_name(port) for port in opening.ports()), out_set_name(opening.data_path_port), *esp]


def render(place: Place, opening: Opening, listing: str) -> str:
    """Return an nft script that puts the opening in place, in one transaction, whatever stood there of ours."""
    elements = ", ".join(_sorted(opening.peers))
    family_table = f"{place.family} {place.table}"
    lines = [*_removal(place, listing)]
    for name in _sets(opening):
        filled = f" elements = {{ {elements} }};" if elements else ""
        lines.append(f"add set {family_table} {name} {{ type ipv4_addr; counter;{filled} }}")
    lines.append(f"add chain {family_table} {CHAIN}")
    lines += [f"add rule {family_table} {CHAIN} {rule}" for rule in _rules(opening)]
    lines.append(f"insert rule {place} jump {CHAIN}")
    lines.append(f"add chain {family_table} {OUT_CHAIN} {{ type filter hook output priority filter; policy accept; }}")
    out = out_set_name(opening.data_path_port)
    lines.append(f"add rule {family_table} {OUT_CHAIN} udp dport {opening.data_path_port} ip daddr @{out}")
    return "\n".join(lines) + "\n"


def render_removal(place: Place, listing: str) -> str:
    """Return an nft script that takes back whatever of ours stands in a table; empty where there is nothing."""
    lines = _removal(place, listing)
    return "\n".join(lines) + "\n" if lines else ""


def _removal(place: Place, listing: str) -> list[str]:
    """Return the commands that remove our jump, chains and sets, as ``nft -a list table`` shows them."""
    family_table = f"{place.family} {place.table}"
    jumps = re.findall(rf"jump {CHAIN} # handle (\d+)", listing)
    chains = re.findall(rf"^\tchain ({CHAIN}(?:_out)?) ", listing, re.MULTILINE)
    sets = re.findall(rf"^\tset ({_SETS}) ", listing, re.MULTILINE)
    return [
        *(f"delete rule {place} handle {handle}" for handle in jumps),
        *(f"flush chain {family_table} {chain}" for chain in chains),
        *(f"delete chain {family_table} {chain}" for chain in chains),
        *(f"delete set {family_table} {name}" for name in sets),
    ]


def standing(listing: str) -> dict[str, Any]:
    """Return what of ours stands in a table: the rules of our chain in order, the peers, whether it is used."""
    chain = re.search(rf"^\tchain {CHAIN} {{.*?\n(.*?)^\t}}", listing, re.MULTILINE | re.DOTALL)
    rules = [_plain(line) for line in chain[1].splitlines()] if chain else []
    return {
        "rules": rules,
        "peers": {name: sorted(found) for name, found in counts(listing).items()},
        "used": len(re.findall(rf"jump {CHAIN}\b", listing)),
        "counted": f"chain {OUT_CHAIN} " in listing,
    }


def _plain(rule: str) -> str:
    return re.sub(r" # handle \d+", "", _COUNTS.sub(" counter", rule)).strip()


def wanted(opening: Opening) -> dict[str, Any]:
    """Return what ``standing`` gives where the opening is in place."""
    peers = sorted(_sorted(opening.peers))
    return {
        "rules": _rules(opening),
        "peers": dict.fromkeys(sorted(_sets(opening)), peers),
        "used": 1,
        "counted": True,
    }


def counts(listing: str) -> dict[str, dict[str, int]]:
    """Return, for each set of ours in a table's listing, the packets counted for each peer."""
    found: dict[str, dict[str, int]] = {}
    for name, body in re.findall(rf"^\tset ({_SETS}) {{(.*?)^\t}}", listing, re.MULTILINE | re.DOTALL):
        elements = re.findall(r"([\d.]+) counter packets (\d+)", body)
        found[name] = {address: int(packets) for address, packets in elements}
    return dict(sorted(found.items()))


def refused(listing: str) -> dict[str, int]:
    """Return the packets that each of our closing rules dropped, by port as ``7946/udp``."""
    pattern = r"(tcp|udp) dport (\d+) counter packets (\d+) bytes \d+ drop"
    return {f"{number}/{protocol}": int(packets) for protocol, number, packets in re.findall(pattern, listing)}


def require_place(found: Sequence[Place]) -> Place:
    """Return the one chain to open; raises LabError where several would each have to accept."""
    if len(found) > 1:
        raise LabError(f"several input chains drop: {', '.join(map(str, found))}", hint="keep one")
    return found[0]


@dataclass(frozen=True)
class Table:
    """The functions of this module for the table of one dropping chain; see ``lab.firewall.tools.Tool``."""

    place: Place

    def listing_script(self, own: str) -> str:
        """Return the script that lists the table, with handles."""
        del own
        return f"nft -a list table {self.place.family} {self.place.table}"

    def standing(self, listing: str) -> dict[str, Any]:
        """Return what of ours stands."""
        return standing(listing)

    def wanted(self, opening: Opening, listing: str) -> dict[str, Any]:
        """Return what ``standing`` gives where the opening is in place."""
        del listing
        return wanted(opening)

    def nothing(self) -> dict[str, Any]:
        """Return what ``standing`` gives where nothing of ours is."""
        return {"rules": [], "peers": {}, "used": 0, "counted": False}

    def render(self, opening: Opening, listing: str, own: str) -> str:
        """Return the script that puts the opening in place, in one transaction."""
        del own
        return _script(render(self.place, opening, listing)) + _kept(render(self.place, opening, ""))

    def render_removal(self, listing: str, own: str) -> str:
        """Return the script that takes back what of ours stands."""
        del own
        return _script(render_removal(self.place, listing)) + f"rm -f {KEPT}\n"

    def counts(self, listing: str) -> dict[str, dict[str, int]]:
        """Return the packets counted for each peer."""
        return counts(listing)

    def refused(self, listing: str) -> dict[str, int]:
        """Return the packets that our closing rules dropped."""
        return refused(listing)


def _kept(rules: str) -> str:
    """Return the script that has a host load our rules at its next start too, where its configuration asks for more."""
    asks = r'^include "/etc/nftables\.d/\*\.nft"'
    return f"if grep -qs '{asks}' /etc/nftables.conf; then cat >{KEPT} <<'RULES'\n{rules}RULES\nfi\n"


def _script(rules: str) -> str:
    return f"nft -f - <<'RULES'\n{rules}RULES\n"
