"""The segment between embedded hosts: a bridge in a network namespace of its own, and who may say what on it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from lab.errors import MachineLacks
from lab.hosts import cgroups
from lab.hosts.base import LabPaths
from lab.hosts.programs import attempt, spawn, wait

SWITCH = ".switch"
"""The name under which the process that holds the segment is recorded; no host can have it."""


def start(paths: LabPaths, segment: ipaddress.IPv4Network) -> int:
    """Start the process that holds the segment's network namespace; return its pid.

    The bridge itself has the segment's last address: a host there that is none of the swarm's.
    """
    cgroups.make(paths.name, SWITCH)
    script = 'for group in "$@"; do echo 0 >"$group"; done; exec unshare --net sh -ec "$SWITCH"'
    setup = (
        'ip link add br0 type bridge; ip addr add "$OUTSIDER" dev br0; ip link set lo up; ip link set br0 up; '
        'printf %s "$NO_NAMES" | nft -f - || echo "name lookups are refused instead" >&2; '
        'echo up >"$READY"; exec sleep infinity'
    )
    ready = paths.state / "switch.up"
    ready.unlink(missing_ok=True)
    holder = spawn(
        ["sh", "-ec", script, "switch", *map(str, cgroups.entries(paths.name, SWITCH))],
        {
            "SWITCH": setup,
            "READY": str(ready),
            "OUTSIDER": f"{outsider(segment)}/{segment.prefixlen}",
            "NO_NAMES": no_names(outsider(segment)),
        },
        paths.state / "switch.log",
    )
    wait(lambda: ready.exists() and ready.read_text() == "up\n", holder, paths.state / "switch.log", "switch")
    return holder.pid


def outsider(segment: ipaddress.IPv4Network) -> ipaddress.IPv4Address:
    """Return the segment's last address, which belongs to no host of the lab."""
    return segment.broadcast_address - 1


def no_names(server: ipaddress.IPv4Address) -> str:
    """Return rules by which the bridge answers every name lookup at ``server`` at once: there is no such name.

    The kernel sends the question back with the flags of an answer, NXDOMAIN (RFC 1035, 4.1.1), and no checksum
    (which UDP over IPv4 allows). A refusal alone is not enough: Docker 20.10's resolver on overlays waits on it.
    """
    return f"""
table netdev names {{
	chain ask {{
		type filter hook ingress device "br0" priority 0;
		ip daddr {server} udp dport 53 @th,80,16 set 0x8183 udp checksum set 0 udp dport set udp sport \\
			udp sport set 53 ip daddr set ip saddr ip saddr set {server} fwd ip to ip daddr device "br0"
	}}
}}
"""


def port(address: str) -> str:
    """Return the name of a host's port on the switch: unique on the segment, at most 15 characters."""
    return f"p{int(ipaddress.ip_address(address)):08x}"


def connect(switch: int, hosts: Mapping[str, str]) -> None:
    """Plug the running hosts (name to address) in, and let no port speak with the address of another."""
    bound = {port(address): address for address in hosts.values()}
    batch = "".join(f"link set {name} master br0 up\n" for name in bound)
    run(switch, ["ip", "-batch", "-"], batch)
    pairs = ", ".join(f'"{name}" . {address}' for name, address in bound.items())
    members = ", ".join(bound.values())
    rules = f"""
table bridge segment
delete table bridge segment
table bridge segment {{
	set bound {{ type ifname . ipv4_addr; elements = {{ {pairs} }}; }}
	set members {{ type ipv4_addr; elements = {{ {members} }}; }}
	chain source {{
		type filter hook prerouting priority 0;
		iifname . ip saddr @bound accept
		ip saddr @members drop
		iifname . arp saddr ip @bound accept
		arp saddr ip @members drop
	}}
	chain own {{
		type filter hook output priority 0;
		ip saddr @members drop
		arp saddr ip @members drop
	}}
}}
"""
    run(switch, ["nft", "-f", "-"], rules)


def run(switch: int, command: Sequence[str], text: str = "") -> str:
    """Run a command in the segment's network namespace with ``text`` as its input; return its output."""
    done = attempt(["nsenter", "-t", str(switch), "-n", *command], text)
    if done.returncode != 0:
        raise MachineLacks(f"{' '.join(command)}: {done.stderr.strip()}", host="switch")
    return done.stdout
