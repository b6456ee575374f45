"""Which pairs of hosts are tried: all of them, or in a large lab as many as grow no faster than the hosts."""

from __future__ import annotations

from collections.abc import Sequence


def peers(host: str, hosts: Sequence[str], full_up_to: int) -> list[str]:
    """Return the hosts that ``host`` tries: all others, or in a larger lab its two neighbours on a ring.

    The ring proves every host both ways (it tries and is tried by two others). Who is tried by a host also
    tries it.
    """
    others = [other for other in hosts if other != host]
    if len(hosts) <= full_up_to:
        return others
    place = list(hosts).index(host)
    return list(dict.fromkeys([hosts[(place + 1) % len(hosts)], hosts[place - 1]]))
