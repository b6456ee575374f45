"""iptables: a chain of ours at the head of INPUT, a rule for each port and peer, and one more that counts what leaves.

Everything goes in by one ``iptables-restore --noflush``, which is one transaction. iptables keeps nothing over a
reboot by itself; the next ``up`` puts it back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lab.firewall.ports import Opening

CHAIN = "SWARM-PORTS"
OUT_CHAIN = "SWARM-PORTS-OUT"
_RULE = re.compile(rf"^\[(\d+):\d+\] (-A (?:{CHAIN}|{OUT_CHAIN}) .*?) *$", re.MULTILINE)
_JUMP = re.compile(rf"^\[\d+:\d+\] (-A (?:INPUT -j {CHAIN}|OUTPUT -j {OUT_CHAIN})) *$", re.MULTILINE)
_COUNTED = re.compile(rf"-A {CHAIN} -s ([\d.]+)/32 -p (tcp|udp) -m \2 --dport (\d+) -j ACCEPT")
_COUNTED_OUT = re.compile(rf"-A {OUT_CHAIN} -d ([\d.]+)/32 -p udp -m udp --dport (\d+)")
_DROPPED = re.compile(rf"-A {CHAIN} -p (tcp|udp) -m \1 --dport (\d+) -j DROP")


def listing_script(own: str) -> str:
    """Return the script whose output the other functions read."""
    del own
    return "iptables-save -c -t filter"


def drops(listing: str) -> bool:
    """Tell whether INPUT drops or rejects what nobody accepts, from the output of ``iptables -S INPUT``."""
    rules = [line for line in listing.splitlines() if line.startswith("-A INPUT")]
    last = rules[-1] if rules else ""
    return "-P INPUT DROP" in listing or re.fullmatch(r"-A INPUT -j (DROP|REJECT.*)", last) is not None


def holds(listing: str) -> bool:
    """Tell whether INPUT jumps to our chain, from the output of ``iptables -S INPUT``."""
    return f"-A INPUT -j {CHAIN}\n" in listing


def _rules(opening: Opening) -> list[str]:
    accepted = [
        f"-A {CHAIN} -s {peer}/32 -p {port.protocol} -m {port.protocol} --dport {port.number} -j ACCEPT"
        for port in opening.ports()
        for peer in opening.peers
    ]
    if opening.encrypted:
        accepted += [f"-A {CHAIN} -s {peer}/32 -p esp -j ACCEPT" for peer in opening.peers]
    dropped = [f"-A {CHAIN} -p {p.protocol} -m {p.protocol} --dport {p.number} -j DROP" for p in opening.ports()]
    counted = [f"-A {OUT_CHAIN} -d {peer}/32 -p udp -m udp --dport {opening.data_path_port}" for peer in opening.peers]
    return [*accepted, *dropped, *counted]


def standing(listing: str) -> dict[str, Any]:
    """Return what of ours stands in a listing: the rules in order, and the jumps to them."""
    return {"rules": [rule for _, rule in _RULE.findall(listing)], "jumps": _JUMP.findall(listing)}


def wanted(opening: Opening, listing: str) -> dict[str, Any]:
    """Return what ``standing`` gives where the opening is in place."""
    del listing
    return {"rules": _rules(opening), "jumps": [f"-A INPUT -j {CHAIN}", f"-A OUTPUT -j {OUT_CHAIN}"]}


def nothing() -> dict[str, Any]:
    """Return what ``standing`` gives where nothing of ours is."""
    return {"rules": [], "jumps": []}


def _restore(lines: Sequence[str]) -> str:
    return "\n".join(["iptables-restore -w --noflush <<'RULES'", "*filter", *lines, "COMMIT", "RULES", ""])


def render(opening: Opening, listing: str, own: str) -> str:
    """Return a script that puts the opening in place, whatever stood there of ours."""
    del own
    return _restore(
        [
            f":{CHAIN} - [0:0]",
            f":{OUT_CHAIN} - [0:0]",
            *(jump.replace("-A", "-D", 1) for jump in _JUMP.findall(listing)),
            *_rules(opening),
            f"-I INPUT 1 -j {CHAIN}",
            f"-I OUTPUT 1 -j {OUT_CHAIN}",
        ]
    )


def render_removal(listing: str, own: str) -> str:
    """Return a script that takes back whatever of ours stands."""
    del own
    chains = [chain for chain in (CHAIN, OUT_CHAIN) if re.search(rf"^:{chain} ", listing, re.MULTILINE)]
    jumps = [jump.replace("-A", "-D", 1) for jump in _JUMP.findall(listing)]
    return _restore([*jumps, *(f"-F {chain}" for chain in chains), *(f"-X {chain}" for chain in chains)])


def counts(listing: str) -> dict[str, dict[str, int]]:
    """Return the packets counted for each peer, by the names that nftables' sets have."""
    found: dict[str, dict[str, int]] = {}
    for packets, rule in _RULE.findall(listing):
        came, left = _COUNTED.fullmatch(rule), _COUNTED_OUT.fullmatch(rule)
        if came:
            found.setdefault(f"swarm_{came[3]}_{came[2]}", {})[came[1]] = int(packets)
        elif left:
            found.setdefault(f"swarm_{left[2]}_udp_out", {})[left[1]] = int(packets)
    return dict(sorted(found.items()))


def refused(listing: str) -> dict[str, int]:
    """Return the packets that each of our closing rules dropped, by port as ``7946/udp``."""
    matches = ((packets, _DROPPED.fullmatch(rule)) for packets, rule in _RULE.findall(listing))
    return {f"{match[2]}/{match[1]}": int(packets) for packets, match in matches if match}
