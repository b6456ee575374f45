"""Asking the name server of a container, from inside it: what a name on an overlay resolves to.

Written for busybox's nslookup, which alpine's image has too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lab.engine import container
from lab.engine.client import Engine
from lab.polling import until

_MARK = "== "
_ANSWER = re.compile(r"^Address(?: \d+)?: (\d+\.\d+\.\d+\.\d+)(?: .*)?$", re.MULTILINE)


def script(names: Sequence[str]) -> str:
    """Return a shell script that looks every name up and prints each answer under the name."""
    return "\n".join(f"echo '{_MARK}{name}'; nslookup {name} 2>&1" for name in names)


def parse(text: str) -> dict[str, list[str]]:
    """Return the IPv4 addresses of each name, in order; the name server's own (with its port) is none of them."""
    found = {}
    for part in text.replace("\r", "").split(_MARK)[1:]:
        name, _, body = part.partition("\n")
        answers = body.partition("\n\n")[2]
        found[name.strip()] = sorted(set(_ANSWER.findall(answers)), key=lambda one: tuple(map(int, one.split("."))))
    return found


def addresses(
    engine: Engine, source: str, wanted: Mapping[str, int], deadline_s: float
) -> tuple[dict[str, list[str]], float]:
    """Return what names resolve to inside the container ``source``, and the seconds waited.

    ``wanted`` has for each name the number of addresses to wait for: what runs on other hosts is known only when
    the hosts' gossip has brought it.
    """
    return until(
        lambda: parse(container.execute(engine, source, ["sh", "-c", script(tuple(wanted))]).text),
        lambda found: all(len(found.get(name, ())) == number for name, number in wanted.items()),
        deadline_s=deadline_s,
        every_s=0.05,
    )
