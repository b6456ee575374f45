"""What this machine's network offers to a lab that wants out: interfaces, name servers, a free network, a way through.

Everything here only looks. Commands run in the network namespace of this process, or through ``entry``.
"""

from __future__ import annotations

import ipaddress
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.errors import MachineLacks
from lab.hosts.programs import run

TABLES = "swarm_lab_"
"""How the names of the labs' own nftables tables begin."""
TRANSFER = ipaddress.IPv4Network("198.19.0.0/16")
"""Where the links' own networks are taken from: RFC 2544's benchmarking range, like the labs' segments."""

_RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
_MOST_NAME_SERVERS = 3
_DEFAULT_PREFIX = 1
"""A VPN may lay two halves of the address space over the default route."""

Routes = Sequence[Mapping[str, Any]]


def namespace() -> int:
    """Return the inode of the network namespace that this process is in."""
    return Path("/proc/self/ns/net").stat().st_ino


def entry(inode: int) -> tuple[str, ...] | None:
    """Return the command prefix that runs a program in a network namespace, None where there is no such one."""
    if inode == namespace():
        return ()
    for path in (*Path("/run/netns").glob("*"), *Path("/proc").glob("[0-9]*/ns/net")):
        try:
            if path.stat().st_ino == inode:
                return ("nsenter", f"--net={path}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return None


def routes() -> Routes:
    """Return the machine's IPv4 routes of all tables, as ip-route(8) tells them."""
    return list(json.loads(run(["ip", "-4", "-json", "route", "show", "table", "all"]) or "[]"))


def interfaces(known: Routes, name_servers: Iterable[str]) -> tuple[str, ...]:
    """Return the interfaces of the default routes, and those through which the name servers are reached.

    Raises MachineLacks where the machine has no way out itself.
    """
    found = default_interfaces(known)
    if not found:
        raise MachineLacks("this machine has no default route, and so no way out for an uplink")
    for server in name_servers:
        found |= {str(route["dev"]) for route in json.loads(run(["ip", "-4", "-json", "route", "get", server]))}
    return tuple(sorted(found - {"lo"}))


def default_interfaces(known: Routes) -> set[str]:
    """Return the interfaces of default routes, also of those with several next hops."""
    defaults = [route for route in known if _network(route).prefixlen <= _DEFAULT_PREFIX]
    hops = [hop for route in defaults for hop in (route, *route.get("nexthops", ()))]
    return {str(hop["dev"]) for hop in hops if "dev" in hop}


def free_network(known: Routes, lab: str) -> ipaddress.IPv4Network:
    """Return a network of two addresses that no route covers; the search begins at a place of the lab's own."""
    used = [network for route in known if (network := _network(route)).prefixlen > _DEFAULT_PREFIX]
    candidates = list(TRANSFER.subnets(new_prefix=30))
    first = zlib.crc32(lab.encode()) % len(candidates)
    for candidate in (*candidates[first:], *candidates[:first]):
        if not any(candidate.overlaps(network) for network in used):
            return candidate
    raise MachineLacks(f"all of {TRANSFER} is in use by this machine's routes: no network is left for an uplink")


def _network(route: Mapping[str, Any]) -> ipaddress.IPv4Network:
    destination = str(route["dst"])
    return ipaddress.IPv4Network("0.0.0.0/0" if destination == "default" else destination)


def name_servers(segment: str, resolvers: Sequence[Path] = _RESOLVERS) -> tuple[str, ...]:
    """Return the machine's name servers that a host of a lab can reach; raises MachineLacks where there is none.

    Where resolv.conf(5) names only loopback addresses, systemd-resolved knows the true ones.
    """
    for resolver in resolvers:
        found = reachable(resolver.read_text() if resolver.exists() else "", ipaddress.IPv4Network(segment))
        if found:
            return found
    raise MachineLacks(
        f"no name server in {resolvers[0]} that the hosts of a lab can reach",
        hint="give lab_uplink_nameservers: [ADDRESS] in the inventory",
    )


def reachable(resolver: str, segment: ipaddress.IPv4Network) -> tuple[str, ...]:
    """Return the IPv4 name servers out of the text of a resolv.conf(5) that mean the same on a lab's host."""
    named = [words[1] for line in resolver.splitlines() if len(words := line.split()) > 1 and words[0] == "nameserver"]
    found = dict.fromkeys(named)
    return tuple(server for server in found if is_reachable(server, segment))[:_MOST_NAME_SERVERS]


def is_reachable(text: str, segment: ipaddress.IPv4Network) -> bool:
    """Tell whether a host of a lab, which has ``segment`` for itself, can reach an IPv4 address of the machine's."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or address in segment)


def require_way_through(link: str) -> None:
    """Raise MachineLacks where somebody else's forward chain would drop what comes from the lab.

    An ``accept`` in a table of ours does not overrule a drop in another's (nft(8), chains). A table that has a
    rule about the lab's link is taken to let it through.
    """
    for family, table, chain in closed_chains(json.loads(run(["nft", "-json", "list", "ruleset"]))["nftables"]):
        if f'"{link}"' in run(["nft", "list", "table", family, table]):
            continue
        where = f"nft insert rule {family} {table} {chain}"
        raise MachineLacks(
            f"chain {chain} of table {family} {table} on this machine drops what an uplink forwards",
            hint=f"let it through first: {where} iifname {link} accept; {where} oifname {link} accept",
        )


def closed_chains(ruleset: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return family, table and name of each forward chain that drops by its policy or by its last rule."""
    last: dict[tuple[str, str, str], Sequence[Mapping[str, Any]]] = {}
    for rule in (entry["rule"] for entry in ruleset if "rule" in entry):
        last[rule["family"], rule["table"], rule["chain"]] = rule["expr"]
    closed = []
    for chain in (entry["chain"] for entry in ruleset if "chain" in entry):
        place = (chain["family"], chain["table"], chain["name"])
        ours = chain["table"].startswith(TABLES)
        if chain.get("hook") == "forward" and chain["family"] in {"ip", "inet"} and not ours:
            verdicts = [key for statement in last.get(place, ()) for key in statement if key != "counter"]
            if chain.get("policy") == "drop" or verdicts in (["drop"], ["reject"]):
                closed.append(place)
    return closed
