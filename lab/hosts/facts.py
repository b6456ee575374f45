"""What a host tells of itself by its own /proc: a shell script for its connection, and what the script printed."""

from __future__ import annotations

import re
from dataclasses import dataclass

SCRIPT = r"""
PATH=$PATH:/usr/sbin:/sbin
echo "kernel $(uname -r)"
if [ -e /proc/net/ip_vs ] || modprobe --dry-run --quiet ip_vs 2>/dev/null; then echo "ipvs yes"; else echo "ipvs no"; fi
while read -r link to _ _ _ _ _ mask _; do
	[ "$to$mask" != 0000000000000000 ] || echo "route $link"
done </proc/net/route
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
"""
"""Changes nothing: of the kernel's module it only asks whether it could be loaded."""

_LISTENING = re.compile(r"^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:0000 0A ", re.MULTILINE)


@dataclass(frozen=True)
class HostFacts:
    """A host's kernel release, whether that has IPVS, whether there is a default route, and the taken tcp ports."""

    kernel: str
    ipvs: bool
    default_route: bool
    listening: frozenset[int]

    def no_ipvs(self, host: str) -> str:
        """Return the reason for skipping what needs IPVS on a host of that name, empty where it has it."""
        if self.ipvs:
            return ""
        return f"the kernel of {host} ({self.kernel}) has no IPVS: no /proc/net/ip_vs, and no module ip_vs to load"


def parse(output: str) -> HostFacts:
    """Return the facts in the output of SCRIPT; proc_net_tcp(5) has ports in hexadecimal, state 0A is listening."""
    told = dict(re.findall(r"^(kernel|ipvs|route) (\S+)$", output, re.MULTILINE))
    ports = frozenset(int(port, 16) for port in _LISTENING.findall(output))
    return HostFacts(told.get("kernel", ""), told.get("ipvs") == "yes", "route" in told, ports)
