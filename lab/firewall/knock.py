"""Knocking at ports, as a shell script for any host: bash's /dev/tcp and /dev/udp, nothing else needed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A host to knock at: its name, its IPv4 address, its ports as ``2377/tcp``."""

    name: str
    address: str
    ports: Sequence[str] = field(default=())


def script(targets: Sequence[Target], timeout_s: float) -> str:
    """Return a script that connects to each tcp port and sends a byte to each udp port, all at once.

    It prints ``NAME PORT open|closed`` for tcp ports; a udp port says nothing to its sender.
    """
    knocks = []
    for target in targets:
        for port in target.ports:
            number, _, protocol = port.partition("/")
            path = f"/dev/{protocol}/{target.address}/{number}"
            if protocol == "udp":
                knocks.append(f"bash -c 'printf x >{path}' 2>/dev/null &")
            else:
                knocks.append(
                    f"{{ timeout {timeout_s:g} bash -c ': <>{path}' 2>/dev/null"
                    f" && echo '{target.name} {port} open' || echo '{target.name} {port} closed'; }} &"
                )
    return "\n".join([*knocks, "wait", ""])


def parse(output: str) -> dict[str, dict[str, bool]]:
    """Return, for each name, whether each of its tcp ports accepted a connection."""
    found: dict[str, dict[str, bool]] = {}
    for name, port, answer in re.findall(r"^(\S+) (\S+) (open|closed)$", output, re.MULTILINE):
        found.setdefault(name, {})[port] = answer == "open"
    return found
