"""Asking for a page from a host, as a shell script: bash's /dev/tcp, no program that the host may lack."""

from __future__ import annotations

import re
from collections.abc import Mapping


def script(addresses: Mapping[str, str], port: int, count: int, timeout_s: float) -> str:
    """Return a script that asks each address ``count`` times, and prints ``NAME STATUS`` for every answer.

    STATUS is HTTP's status code, or ``-`` where nobody answered within ``timeout_s`` seconds. The addresses are
    asked side by side, the requests to one of them one after the other.
    """
    asking = []
    for name, address in addresses.items():
        request = f"exec 3<>/dev/tcp/{address}/{port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3"
        once = (
            f'answer=$(timeout {timeout_s:g} bash -c "{request}" 2>/dev/null); set -- $answer; echo "{name} ${{2:--}}"'
        )
        asking.append(f"{{ n=0; while [ $n -lt {count} ]; do {once}; n=$((n + 1)); done; }} &")
    return "\n".join([*asking, "wait", ""])


def parse(output: str) -> dict[str, list[str]]:
    """Return the status of each answer, by name."""
    found: dict[str, list[str]] = {}
    for name, status in re.findall(r"^(\S+) (\d{3}|-)$", output, re.MULTILINE):
        found.setdefault(name, []).append(status)
    return found
