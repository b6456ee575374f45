"""ufw: rules with a comment of ours at the head of the user's, one for each peer and protocol; ufw keeps them.

ufw counts nothing of it, and what nobody allows falls to its default policy.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from lab.firewall.ports import Opening

COMMENT = "swarm-lab"
_TUPLE = re.compile(
    r"^### tuple ### allow (\S+) (\S+) 0\.0\.0\.0/0 any ([\d.]+)(?:/32)? in(?: comment=([0-9a-f]+))?$", re.MULTILINE
)


def listing_script(own: str) -> str:
    """Return the script whose output the other functions read: ufw's own file of rules (the command takes longer)."""
    del own
    return "cat /etc/ufw/user.rules"


def _ports(opening: Opening, protocol: str) -> str:
    return ",".join(str(number) for number in sorted(p.number for p in opening.ports() if p.protocol == protocol))


def _rules(opening: Opening) -> Iterator[tuple[str, str, str]]:
    """Yield protocol, ports (``any`` for ESP) and peer of each rule."""
    for peer in opening.peers:
        yield "tcp", _ports(opening, "tcp"), peer
        yield "udp", _ports(opening, "udp"), peer
        if opening.encrypted:
            yield "esp", "any", peer


def _standing(listing: str, *, ours: bool = True) -> list[tuple[str, str, str]]:
    found = []
    for protocol, ports, peer, comment in _TUPLE.findall(listing):
        if (bytes.fromhex(comment).decode(errors="replace") == COMMENT) == ours:
            found.append((protocol, ",".join(sorted(ports.split(","), key=_order)), peer))
    return found


def _own_rules(opening: Opening, listing: str) -> list[tuple[str, str, str]]:
    """Return the opening's rules, less those that somebody else has too: ufw keeps one of each, and it is theirs."""
    others = _standing(listing, ours=False)
    return [rule for rule in _rules(opening) if rule not in others]


def _order(port: str) -> int:
    return int(port) if port.isdecimal() else 0


def _words(rule: tuple[str, str, str]) -> str:
    protocol, ports, peer = rule
    return f"{peer} {protocol} {ports}"


def standing(listing: str) -> dict[str, Any]:
    """Return what of ours stands: each peer with its protocol and ports."""
    return {"rules": sorted(map(_words, _standing(listing)))}


def wanted(opening: Opening, listing: str) -> dict[str, Any]:
    """Return what ``standing`` gives where the opening is in place, beside what others have in the listing."""
    return {"rules": sorted(map(_words, _own_rules(opening, listing)))}


def nothing() -> dict[str, Any]:
    """Return what ``standing`` gives where nothing of ours is."""
    return {"rules": []}


def _command(verb: str, rule: tuple[str, str, str]) -> str:
    protocol, ports, peer = rule
    to = "to any" if ports == "any" else f"to any port {ports}"
    return f"ufw {verb} allow proto {protocol} from {peer} {to} comment {shlex.quote(COMMENT)} >/dev/null"


def render(opening: Opening, listing: str, own: str) -> str:
    """Return a script that adds what is missing and deletes what is ours and no longer wanted."""
    del own
    have, want = _standing(listing), _own_rules(opening, listing)
    lines = [_command("delete", rule) for rule in have if rule not in want]
    lines += [_command("prepend", rule) for rule in want if rule not in have]
    return "\n".join(["set -e", *lines, ""])


def render_removal(listing: str, own: str) -> str:
    """Return a script that deletes whatever of ours stands."""
    del own
    return "\n".join(["set -e", *(_command("delete", rule) for rule in _standing(listing)), ""])


def counts(listing: str) -> dict[str, dict[str, int]]:
    """Return no counts: ufw has none."""
    del listing
    return {}


def refused(listing: str) -> dict[str, int]:
    """Return no counts: ufw has none."""
    del listing
    return {}
