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


def script(targets: Sequence[Target], timeout_s: float, *, refusals: bool = False) -> str:
    """Return a script that connects to each tcp port and sends a byte to each udp port, all at once.

    It prints ``NAME PORT open|refused|closed`` for tcp ports; a udp port says nothing to its sender. With ``refusals``
    it prints ``NAME PORT refused|silent`` for udp ports too: where nobody listens, a host whose port is open in the
    firewall sends an ICMP message back (RFC 1122, 4.1.3.1), which the next datagram's sender is told of.
    """
    knocks = []
    for target in targets:
        for port in target.ports:
            number, _, protocol = port.partition("/")
            path = f"/dev/{protocol}/{target.address}/{number}"
            told = f"echo '{target.name} {port} "
            if protocol == "udp" and refusals:
                twice = f"exec 3<>{path}; for n in 1 2 3; do printf x >&3; sleep 0.05; done"
                verdict = f"in *refused*) {told}refused' ;; *) {told}silent' ;; esac"
                knocks.append(f"{{ case $(LC_ALL=C bash -c '{twice}' 2>&1) {verdict}; }} &")
            elif protocol == "udp":
                knocks.append(f"bash -c 'printf x >{path}' 2>/dev/null &")
            else:
                knocks.append(
                    f"{{ answer=$(LC_ALL=C timeout {timeout_s:g} bash -c ': <>{path}' 2>&1) && {told}open' ||"
                    f" case $answer in *refused*) {told}refused' ;; *) {told}closed' ;; esac; }} &"
                )
    return "\n".join([*knocks, "wait", ""])


def answers(output: str) -> dict[str, dict[str, str]]:
    """Return, for each name, how each of its ports answered: open, refused, closed (tcp) or silent (udp)."""
    found: dict[str, dict[str, str]] = {}
    for name, port, answer in re.findall(r"^(\S+) (\S+) (open|refused|closed|silent)$", output, re.MULTILINE):
        found.setdefault(name, {})[port] = answer
    return found


def parse(output: str) -> dict[str, dict[str, bool]]:
    """Return, for each name, whether each of its tcp ports accepted a connection."""
    return {name: {port: answer == "open" for port, answer in ports.items()} for name, ports in answers(output).items()}
