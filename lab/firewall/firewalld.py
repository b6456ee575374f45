"""firewalld: rich rules of priorities of ours, in the zone of the interface that has the host's address.

They are added to what runs and to what is kept, without a reload, which would take Docker's own chains away (moby
issue 50443). firewalld counts nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from lab.firewall.ports import Opening

PRIORITY = -737
"""By which our rules are known, and come before others."""
REST = PRIORITY + 1
"""After them everybody else is shut out, whatever the zone lets in (Fedora Workstation's: all ports above 1024)."""
_RULE = re.compile(rf'^rule priority="(?:{PRIORITY}|{REST})" .*$', re.MULTILINE)
_KEPT = "== kept"


def _zone(own: str) -> str:
    """Return the lines of a script that find the zone of the interface with an address."""
    if not own:
        return "zone=$(firewall-cmd --get-default-zone)\n"
    return f"""
device=$(ip -o -4 addr show | while read -r _ name _ cidr _; do [ "${{cidr%/*}}" != {own} ] || echo "$name"; done)
zone=$(firewall-cmd --get-zone-of-interface="$device" 2>/dev/null || firewall-cmd --get-default-zone)
"""


def listing_script(own: str) -> str:
    """Return the script whose output the other functions read: our rules as they run, and as they are kept."""
    return (
        f"{_zone(own)}"
        'firewall-cmd --zone="$zone" --list-rich-rules\n'
        f"echo '{_KEPT}'\n"
        'firewall-cmd --permanent --zone="$zone" --list-rich-rules\n'
    )


def _rules(opening: Opening) -> Iterator[str]:
    for peer in opening.peers:
        head = f'rule priority="{PRIORITY}" family="ipv4" source address="{peer}"'
        for port in opening.ports():
            yield f'{head} port port="{port.number}" protocol="{port.protocol}" accept'
        if opening.encrypted:
            yield f'{head} protocol value="esp" accept'
    for port in opening.ports():
        yield f'rule priority="{REST}" port port="{port.number}" protocol="{port.protocol}" drop'


def _standing(listing: str) -> tuple[list[str], list[str]]:
    running, _, kept = listing.partition(_KEPT)
    return [line.strip() for line in _RULE.findall(running)], [line.strip() for line in _RULE.findall(kept)]


def standing(listing: str) -> dict[str, Any]:
    """Return our rules as they run and as they are kept."""
    running, kept = _standing(listing)
    return {"running": sorted(running), "kept": sorted(kept)}


def wanted(opening: Opening, listing: str) -> dict[str, Any]:
    """Return what ``standing`` gives where the opening is in place."""
    del listing
    rules = sorted(_rules(opening))
    return {"running": rules, "kept": rules}


def nothing() -> dict[str, Any]:
    """Return what ``standing`` gives where nothing of ours is."""
    return {"running": [], "kept": []}


def _change(permanent: str, added: Sequence[str], removed: Sequence[str]) -> list[str]:
    """Return the commands that add and remove rules: one for all of each, since each takes a third of a second."""
    lines = []
    for verb, rules in (("--remove-rich-rule", removed), ("--add-rich-rule", added)):
        if rules:
            options = " ".join(f"{verb}='{rule}'" for rule in rules)
            lines.append(f'firewall-cmd -q {permanent} --zone="$zone" {options}')
    return lines


def render(opening: Opening, listing: str, own: str) -> str:
    """Return a script that adds what is missing and removes what is ours and no longer wanted."""
    want = list(_rules(opening))
    lines = []
    for permanent, have in zip(("", "--permanent"), _standing(listing), strict=True):
        added, removed = [rule for rule in want if rule not in have], [rule for rule in have if rule not in want]
        lines += _change(permanent, added, removed)
    return "\n".join(["set -e", _zone(own), *lines, ""])


def render_removal(listing: str, own: str) -> str:
    """Return a script that removes whatever of ours stands."""
    running, kept = _standing(listing)
    lines = [*_change("", [], running), *_change("--permanent", [], kept)]
    return "\n".join(["set -e", _zone(own), *lines, ""])


def counts(listing: str) -> dict[str, dict[str, int]]:
    """Return no counts: firewalld has none."""
    del listing
    return {}


def refused(listing: str) -> dict[str, int]:
    """Return no counts: firewalld has none."""
    del listing
    return {}
