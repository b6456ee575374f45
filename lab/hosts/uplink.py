"""The uplink of embedded hosts: a link from their segment to this machine, which lets them out and nobody in.

Hosts route by the segment's last address; the switch's namespace speaks for all of them with one address, and
this machine with its own (NAT, twice: several labs may have the same segment). On the machine there are a link
and an nftables table of the lab's own, and the ``forwarding`` of the interfaces concerned is on. All of that is
in the lab's record before it is made, and goes with the lab.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lab.errors import InvalidInput, MachineLacks
from lab.hosts import outward, programs, segment, state
from lab.hosts.base import LabPaths, LabSpec
from lab.hosts.state import LabState, Uplink

PORT = "uplink"
"""The link's name in the switch's namespace."""

_KNOB = "/proc/sys/net/ipv4/conf/{}/forwarding"
_ALL = "all"


def link_name(lab: str) -> str:
    """Return the name of a lab's link on this machine: at most 15 characters."""
    return f"lab-{zlib.crc32(lab.encode()):08x}"


def table_name(lab: str) -> str:
    """Return the name of a lab's nftables table on this machine."""
    return outward.TABLES + lab.replace("-", "_")


def plan(paths: LabPaths, spec: LabSpec, known: LabState | None) -> Uplink | None:
    """Return the uplink that a lab is to have: as it is, or as this machine can give it; None where none is wanted.

    Changes nothing. Raises MachineLacks where the machine has no way out, no name server, or a firewall that
    would drop; InvalidInput where the name of the link or the table is somebody else's.
    """
    asked_before = known.uplink if known is not None else None
    if not spec.uplink and asked_before is None:
        return None
    made = asked_before if known is not None and known.boot == state.boot_id() else None
    if made is None:
        _refuse_strangers(paths.name)
    elif made.namespace != outward.namespace():
        raise InvalidInput("this lab's uplink is in another network namespace", hint="lab up there, or lab down first")
    elif not spec.uplink:
        return made
    outward.require_way_through(link_name(paths.name))
    routes = [route for route in outward.routes() if route.get("dev") != link_name(paths.name)]
    servers = spec.name_servers or outward.name_servers(spec.segment)
    return Uplink(
        namespace=outward.namespace(),
        transfer=made.transfer if made else str(outward.free_network(routes, paths.name)),
        interfaces=outward.interfaces(routes, servers),
        name_servers=servers,
        forwarding=made.forwarding if made else {},
    )


def _refuse_strangers(lab: str) -> None:
    for what, found in (("link", _link((), link_name(lab))), ("nftables table", _table((), table_name(lab)))):
        if found:
            name = link_name(lab) if what == "link" else f"inet {table_name(lab)}"
            raise InvalidInput(f"{what} {name} exists and is not this lab's", hint="give another --lab, or remove it")


def resolver(spec: LabSpec, uplink: Uplink | None) -> str:
    """Return the text of a host's resolv.conf(5)."""
    if uplink is not None:
        servers = "".join(f"nameserver {server}\n" for server in uplink.name_servers)
        return f"# This host has an uplink; these are the name servers of the machine, or of the inventory.\n{servers}"
    return (
        "# This host has no route outwards, and so no name server. This address answers at once that there is no\n"
        "# such name. With none at all, Docker would give its containers one that they cannot reach, and they wait.\n"
        f"nameserver {segment.outsider(ipaddress.IPv4Network(spec.segment))}\noptions timeout:1 attempts:1\n"
    )


def missing(paths: LabPaths, spec: LabSpec, uplink: Uplink | None, known: LabState | None) -> tuple[str, ...]:
    """Return in words what an uplink still lacks, on this machine and on the hosts that run already."""
    if uplink is None:
        return ()
    switch = known.process(segment.SWITCH) if known is not None else None
    way = f"open uplink {link_name(paths.name)} through {', '.join(uplink.interfaces)}"
    if known is None or switch is None:
        return (way,)
    hosts = _hosts_to_lead(spec, uplink, known)
    in_place = known.uplink == uplink and _in_place(paths.name, uplink, switch.pid)
    return (*(() if in_place else (way,)), *(f"lead host {name} to the uplink" for name in hosts))


def _in_place(lab: str, uplink: Uplink, switch: int) -> bool:
    inside = ("nsenter", "-t", str(switch), "-n")
    return (
        _mark(_rules(lab, uplink)) in _table((), table_name(lab))
        and _mark(_switch_rules()) in _table(inside, PORT)
        and _joined(lab, switch)
        and "0" not in [_knob((), interface) for interface in (link_name(lab), *uplink.interfaces)]
    )


def make(paths: LabPaths, spec: LabSpec, record: LabState) -> None:
    """Make what an uplink still lacks; repeatable. The record has it already, and learns what the knobs were."""
    uplink, switch = record.uplink, record.process(segment.SWITCH)
    if uplink is None or switch is None:
        return
    with _turn(paths):
        uplink = replace(uplink, forwarding=_forwarding(paths, uplink))
        state.write(paths, replace(record, uplink=uplink))
        programs.run(["nft", "-f", "-"], marked(_rules(paths.name, uplink)))
        _join(paths.name, uplink, switch.pid)
        for interface in (link_name(paths.name), *uplink.interfaces):
            _turn_knob((), interface, "0", "1")
    for name in _hosts_to_lead(spec, uplink, record):
        script = f'ip route replace default via {_gateway(spec)} dev eth0; printf %s "$1" >/etc/resolv.conf'
        programs.run([*_inside(record, name), "sh", "-ec", script, "sh", resolver(spec, uplink)])


def _join(lab: str, uplink: Uplink, switch: int) -> None:
    """Lay the link between the machine and the switch's namespace, and make the switch route by it."""
    link, prefix = link_name(lab), ipaddress.IPv4Network(uplink.transfer).prefixlen
    machine, inside = _ends(uplink)
    if not _joined(lab, switch):
        _delete_link((), link)
        peer = ["peer", "name", PORT, "netns", f"/proc/{switch}/ns/net"]
        programs.run(["ip", "link", "add", link, "type", "veth", *peer])
    programs.run(["ip", "-batch", "-"], f"addr replace {machine}/{prefix} dev {link}\nlink set {link} up\n")
    script = (
        f"ip addr replace {inside}/{prefix} dev {PORT}; ip link set {PORT} up; "
        f"ip route replace default via {machine}; echo 1 >/proc/sys/net/ipv4/ip_forward; nft -f -"
    )
    segment.run(switch, ["sh", "-ec", script], marked(_switch_rules()))


def _rules(lab: str, uplink: Uplink) -> str:
    """Return the machine's rules: the lab's one address out, answers back, nothing else to or from the link.

    An interface that did not forward before forwards nothing for others now; what a Docker of the machine's own
    publishes or asks for is left alone.
    """
    link, inside, out = link_name(lab), _ends(uplink)[1], _quoted(uplink.interfaces)
    closed = [name for name, value in uplink.forwarding.items() if value == "0" and name != _ALL]
    guard = f"""
		iifname {{ {_quoted(closed)} }} ct status dnat accept
		iifname {{ {_quoted(closed)} }} oifname != "lab-*" ct state invalid,new,untracked drop"""
    return f"""table inet {table_name(lab)} {{
	chain forward {{
		type filter hook forward priority 0; policy accept;
		iifname "{link}" ip saddr {inside} oifname {{ {out} }} accept
		iifname "{link}" reject with icmpx type admin-prohibited
		oifname "{link}" ct state established,related accept
		oifname "{link}" drop{guard if closed else ""}
	}}
	chain input {{
		type filter hook input priority 0; policy accept;
		iifname "{link}" ct state established,related accept
		iifname "{link}" ip daddr {{ {", ".join(uplink.name_servers)} }} meta l4proto {{ tcp, udp }} th dport 53 accept
		iifname "{link}" reject with icmpx type admin-prohibited
	}}
	chain postrouting {{
		type nat hook postrouting priority 100; policy accept;
		ip saddr {inside} oifname {{ {out} }} masquerade
	}}
}}
"""


def _switch_rules() -> str:
    return f"""table inet {PORT} {{
	chain forward {{
		type filter hook forward priority 0; policy accept;
		iifname "{PORT}" ct state invalid,new,untracked drop
	}}
	chain postrouting {{
		type nat hook postrouting priority 100; policy accept;
		oifname "{PORT}" masquerade
	}}
}}
"""


def marked(rules: str) -> str:
    """Return rules of one table that replace those of before at a stroke, and bear their own mark in a chain."""
    table = rules.partition(" {")[0]
    return f"{table}\ndelete {table}\n{rules}add chain {table.removeprefix('table ')} {_mark(rules)}\n"


def _mark(rules: str) -> str:
    """Return a name that changes with the rules: every nft lists rules in words of its own."""
    return f"rules_{zlib.crc32(rules.encode()):08x}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _ends(uplink: Uplink) -> tuple[ipaddress.IPv4Address, ipaddress.IPv4Address]:
    """Return the addresses of the link's two ends: the machine's and the lab's."""
    machine, inside = ipaddress.IPv4Network(uplink.transfer).hosts()
    return machine, inside


def _gateway(spec: LabSpec) -> ipaddress.IPv4Address:
    return segment.outsider(ipaddress.IPv4Network(spec.segment))


def _hosts_to_lead(spec: LabSpec, uplink: Uplink, record: LabState) -> list[str]:
    """Return the running hosts that lack the default route or the right name servers."""
    wanted = f"default via {_gateway(spec)} dev eth0\n{resolver(spec, uplink)}"
    look = ["sh", "-c", "ip -4 route show default | sed 's/ *$//'; cat /etc/resolv.conf || :"]
    running = [name for name in record.hosts if record.process(name)]
    return [name for name in running if programs.run([*_inside(record, name), *look]) != wanted]


def _inside(record: LabState, host: str) -> tuple[str, ...]:
    return ("nsenter", "-t", str(record.processes[host].pid), "-m", "-n")


def remove(paths: LabPaths, known: LabState) -> list[str]:
    """Take an uplink off this machine and out of the record; return what would not go."""
    uplink = known.uplink
    if uplink is None or known.boot != state.boot_id():
        return []
    enter = outward.entry(uplink.namespace)
    if enter is None:
        return []
    with _turn(paths):
        try:
            _delete_link(enter, link_name(paths.name))
            if _table(enter, table_name(paths.name)):
                programs.run([*enter, "nft", "delete", "table", "inet", table_name(paths.name)])
            _put_back(paths, uplink, enter)
        except MachineLacks as stays:
            return [f"uplink ({stays})"]
        state.write(paths, replace(known, uplink=None))
    return []


def _put_back(paths: LabPaths, uplink: Uplink, enter: Sequence[str]) -> None:
    """Turn off what was off, unless another lab goes out there, or somebody has since made the machine a router."""
    if _knob(enter, _ALL) != uplink.forwarding.get(_ALL):
        return
    needed = {interface for other in _others(paths, uplink) for interface in other.interfaces}
    for interface, before in uplink.forwarding.items():
        if interface != _ALL and interface not in needed and before == "0":
            _turn_knob(enter, interface, "1", "0")


def _forwarding(paths: LabPaths, uplink: Uplink) -> dict[str, str]:
    """Return what the knobs were before this lab, or another that is up, turned them."""
    before = dict(uplink.forwarding)
    turned = {name: value for other in _others(paths, uplink) for name, value in other.forwarding.items()}
    for interface in (_ALL, *uplink.interfaces):
        before.setdefault(interface, turned.get(interface) or _knob((), interface))
    return before


def _others(paths: LabPaths, uplink: Uplink) -> list[Uplink]:
    """Return the uplinks of this machine's other labs in the same network namespace."""
    labs = [lab for lab in state.known_labs(paths.state.parent) if lab != paths.name]
    records = [record for lab in labs if (record := state.read(LabPaths.of(lab))) and record.boot == state.boot_id()]
    return [r.uplink for r in records if r.uplink is not None and r.uplink.namespace == uplink.namespace]


def _knob(enter: Sequence[str], interface: str) -> str:
    """Return what an interface's forwarding is, empty where there is no such interface."""
    return programs.attempt([*enter, "cat", _KNOB.format(interface)]).stdout.strip()


def _turn_knob(enter: Sequence[str], interface: str, before: str, after: str) -> None:
    """Turn an interface's forwarding, if it is still ``before``."""
    if _knob(enter, interface) == before:
        programs.run([*enter, "sh", "-ec", 'echo "$1" >"$2"', "sh", after, _KNOB.format(interface)])


@contextmanager
def _turn(paths: LabPaths) -> Iterator[None]:
    """Let one lab at a time look at the others' records and turn the knobs that all share."""
    descriptor = os.open(paths.state.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _link(enter: Sequence[str], name: str) -> Mapping[str, Any]:
    """Return a link as ip-link(8) tells it, empty where there is none."""
    done = programs.attempt([*enter, "ip", "-json", "link", "show", "dev", name])
    found = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    return dict(found[0]) if found else {}


def _joined(lab: str, switch: int) -> bool:
    """Tell whether the lab's link ends in the namespace of its present switch."""
    machine, inside = _link((), link_name(lab)), _link(("nsenter", "-t", str(switch), "-n"), PORT)
    ends = [(end.get("ifindex"), end.get("link_index")) for end in (machine, inside)]
    return None not in ends[0] and ends[0] == ends[1][::-1]


def _delete_link(enter: Sequence[str], name: str) -> None:
    """Delete a link; the kernel may be doing so just now, since its other end's namespace went."""
    done = programs.attempt([*enter, "ip", "link", "delete", "dev", name]) if _link(enter, name) else None
    if done is not None and done.returncode != 0 and _link(enter, name):
        raise MachineLacks(f"link {name}: {done.stderr.strip()}")


def _table(enter: Sequence[str], name: str) -> str:
    """Return the listing of an nftables table, empty where there is none."""
    return programs.attempt([*enter, "nft", "list", "table", "inet", name]).stdout
