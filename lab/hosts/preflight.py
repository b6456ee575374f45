"""A judgement over all hosts at once, from what each told of itself: every problem a line, before any change."""

from __future__ import annotations

import ipaddress
import itertools
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab.hosts.survey import Address, Route, Survey

CLOCKS_S = 30.0
"""Seconds that clocks may differ by: a node's certificate is valid from the moment it is given out."""
DISK_MIB = 500
OLDEST_ENGINE = (17, 6)
SMALLEST_MTU = 1280
USUAL_MTU = 1450
"""Hosts that all carry packets of this size get on with each other, whatever more each can."""
POOLS = ("10.0.0.0/8",)
"""What a swarm takes its overlays' subnets from, unless told otherwise: /24 after /24, the first for ingress."""
OVERLAYS = 10
"""As many of those subnets are looked at: nothing that a lab does takes more."""
FEATURES = ("vxlan", "bridge", "veth", "br_netfilter", "overlay")
INSTALLABLE = frozenset({"debian", "ubuntu", "fedora", "rhel", "centos", "amzn", "openeuler"})
"""Distributions (os-release's ID, or a word of its ID_LIKE) whose engine can be installed: those of the installer."""

_BRIDGE = re.compile(r"docker0|docker_gwbridge|br-[0-9a-f]{12}")
"""Interfaces of an engine's own networks; its overlays' are in namespaces of theirs."""

_Network = ipaddress.IPv4Network


@dataclass(frozen=True)
class Wish:
    """What the inventory says of a host."""

    advertise_address: str = ""
    advertise_interface: str = ""
    data_path_address: str = ""
    docker_engine_install: bool = False
    manager: bool = False
    become: bool = False
    become_password: bool = True
    """Whether the inventory has a password for sudo, should that ask for one."""


@dataclass(frozen=True)
class EngineFacts:
    """What a host's engine says of itself, where it answers."""

    version: str
    engine_id: str
    live_restore: bool


@dataclass(frozen=True)
class Addresses:
    """Where a host is a member of the swarm, and where its overlays' packets go; empty where that is not known."""

    advertise: str
    data_path: str


def problems(
    surveys: Mapping[str, Survey],
    wishes: Mapping[str, Wish],
    *,
    pools: Sequence[str] = POOLS,
    engines: Mapping[str, EngineFacts] | None = None,
    own_cluster: str = "",
    leave_others: bool = False,
) -> list[str]:
    """Return every problem with the hosts, each a line that begins with the names of those which have it.

    ``pools`` are the swarm's pools of addresses, ``engines`` those that answer, ``own_cluster`` the swarm of the
    lab, empty where there is none yet; with ``leave_others`` a host may belong to another one.
    """
    mute = [f"{host}: told nothing of itself; is /bin/sh there?" for host, one in surveys.items() if not one.hostname]
    told = {host: one for host, one in surveys.items() if one.hostname}
    running = engines or {}
    of_one = [
        problem
        for host, survey in told.items()
        for problem in (
            *_address_problems(survey, wishes[host], alone=len(surveys) == 1),
            *_route_problems(survey, pools),
            *_room_problems(survey),
            *_engine_problems(survey, wishes[host], running.get(host)),
            *_right_problems(survey, wishes[host]),
        )
    ]
    of_all = [
        *_identity_problems(told, running),
        *_clock_problems(told),
        *_shared_address_problems(told, wishes),
        *_mtu_problems(told, wishes),
        *([] if leave_others else _swarm_problems(told, running, own_cluster)),
    ]
    return [*mute, *(f"{host}: {problem}" for host, problem in of_one), *of_all]


def addresses(surveys: Mapping[str, Survey], wishes: Mapping[str, Wish]) -> dict[str, Addresses]:
    """Return each host's addresses: those asked for, else those that its survey leaves no doubt of."""
    found = {}
    for host, survey in surveys.items():
        advertise = _advertise(survey, wishes[host], alone=len(surveys) == 1)[0]
        found[host] = Addresses(advertise, wishes[host].data_path_address or advertise)
    return found


_Found = Iterator[tuple[str, str]]
"""Problems of one host: its name, and what is wrong with it."""


def _advertise(survey: Survey, wish: Wish, *, alone: bool) -> tuple[str, str]:
    """Return the address at which a host is a member of the swarm, else an empty one and why there is none."""
    own = [address.address for address in survey.addresses]
    if wish.advertise_address:
        if wish.advertise_address in own:
            return wish.advertise_address, ""
        return "", f"advertise_address {wish.advertise_address} is not on it; it has {_listed(survey.addresses)}"
    if wish.advertise_interface:
        return _of_interface(survey, wish.advertise_interface)
    return _of_itself(survey, alone=alone)


def _of_itself(survey: Survey, *, alone: bool) -> tuple[str, str]:
    """Return the address that SSH reached, else the only one that is neither loopback's nor an engine's bridge's."""
    own = [address.address for address in survey.addresses]
    if survey.ssh_address in own and (alone or not ipaddress.ip_address(survey.ssh_address).is_loopback):
        return survey.ssh_address, ""
    usable = [address for address in survey.addresses if _is_outward(address)]
    if len(usable) == 1:
        return usable[0].address, ""
    if not usable:
        return "", f"it has no address that others could reach ({_listed(survey.addresses)})"
    return "", f"which of its addresses is the swarm's: {_listed(usable)}? advertise_address in the inventory tells"


def _of_interface(survey: Survey, interface: str) -> tuple[str, str]:
    found = [address.address for address in survey.addresses if address.interface == interface]
    if found:
        return found[0], ""
    if interface in survey.mtus:
        return "", f"advertise_interface {interface} has no IPv4 address; it has {_listed(survey.addresses)}"
    have = ", ".join(survey.mtus) or "none that it tells of"
    return "", f"advertise_interface {interface} is not there; its interfaces are {have}"


def _is_outward(address: Address) -> bool:
    return not ipaddress.ip_address(address.address).is_loopback and not _BRIDGE.fullmatch(address.interface)


def _listed(found: Iterable[Address]) -> str:
    return ", ".join(f"{address.address} ({address.interface})" for address in found) or "no IPv4 address"


def _address_problems(survey: Survey, wish: Wish, *, alone: bool) -> _Found:
    _, why = _advertise(survey, wish, alone=alone)
    if why:
        yield survey.host, why
    own = [address.address for address in survey.addresses]
    if wish.data_path_address and wish.data_path_address not in own:
        yield (
            survey.host,
            f"data_path_address {wish.data_path_address} is not on it; it has {_listed(survey.addresses)}",
        )


def _shared_address_problems(surveys: Mapping[str, Survey], wishes: Mapping[str, Wish]) -> Iterator[str]:
    chosen = {host: one.advertise for host, one in addresses(surveys, wishes).items()}
    for address, hosts in _shared(chosen):
        yield f"{', '.join(hosts)}: the same address {address}; advertise_address gives each its own"


def _shared(values: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Return the values that several hosts have, each with those hosts; an empty one is nobody's."""
    by_value: dict[str, list[str]] = {}
    for host, value in values.items():
        by_value.setdefault(value, []).append(host)
    return [(value, hosts) for value, hosts in by_value.items() if value and len(hosts) > 1]


def _identity_problems(surveys: Mapping[str, Survey], engines: Mapping[str, EngineFacts]) -> Iterator[str]:
    """Complain of clones: nodes of one identity replace one another (moby#13278)."""
    hostnames = {host: survey.hostname for host, survey in surveys.items()}
    for name, hosts in _shared(hostnames):
        yield f"{', '.join(hosts)}: the same hostname {name}; hostnamectl set-hostname gives each its own"
    twice = {name for name, _ in _shared(hostnames)}
    for host, name in hostnames.items():
        if name not in (host, *twice):
            yield f"{host}: calls itself {name}; call it so in the inventory too, or hostnamectl set-hostname {host}"
    machines = {host: survey.machine_id.removeprefix("uninitialized") for host, survey in surveys.items()}
    for machine, hosts in _shared(machines):
        yield (
            f"{', '.join(hosts)}: the same machine-id {machine}, as of clones; "
            "on all but one: rm /etc/machine-id, then systemd-machine-id-setup"
        )
    for engine, hosts in _shared({host: facts.engine_id for host, facts in engines.items()}):
        yield (
            f"{', '.join(hosts)}: the same engine id {engine}, as of clones; on all but one remove "
            "/etc/docker/key.json and /var/lib/docker/engine-id, and restart the engine"
        )


def _clock_problems(surveys: Mapping[str, Survey]) -> Iterator[str]:
    """Name the hosts whose clocks are off: the farthest from the middle one, until those left agree."""
    offsets = {host: survey.clock_offset_s for host, survey in surveys.items()}
    if not offsets:
        return
    values = offsets.values()
    middle = min(statistics.median_low(values), statistics.median_high(values), key=abs)
    for host in sorted(offsets, key=lambda host: -abs(offsets[host] - middle)):
        if max(offsets.values()) - min(offsets.values()) <= CLOCKS_S:
            return
        off = offsets.pop(host) - middle
        yield (
            f"{host}: its clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the others'; at most "
            f"{CLOCKS_S:.0f} s are allowed: have chrony, ntpd or systemd-timesyncd set it"
        )


def _route_problems(survey: Survey, pools: Sequence[str]) -> _Found:
    """Complain of routes that the swarm's own networks would shadow, or that would shadow those."""
    foreign = [
        route
        for route in survey.routes
        if route.network != "0.0.0.0/0" and route.interface != "lo" and not _BRIDGE.fullmatch(route.interface)
    ]
    subnets = _subnets(pools)
    for route in foreign:
        met = [subnet for subnet in subnets if _Network(route.network).overlaps(subnet)]
        if met:
            network = "the network ingress" if met[0] == subnets[0] else "an overlay"
            yield (
                survey.host,
                f"its {_told(route)} overlaps {met[0]}, which the swarm would give to {network}; "
                "swarm_address_pools in the inventory gives it other addresses",
            )
    bridge = _gateway_bridge(survey)
    for route in foreign:
        if route.gateway and bridge is not None and _Network(route.network).overlaps(bridge):
            yield (
                survey.host,
                f"its {_told(route)} overlaps {bridge}, which docker_gwbridge would take; make that one before, "
                "elsewhere: docker network create -o com.docker.network.bridge.name=docker_gwbridge --subnet "
                "<free subnet> docker_gwbridge",
            )


def _subnets(pools: Sequence[str]) -> list[_Network]:
    """Return the subnets that the swarm takes first, that of ingress before all."""
    each = (
        pool.subnets(new_prefix=24) if pool.prefixlen < 24 else iter([pool])
        for pool in map(ipaddress.IPv4Network, pools)
    )
    return list(itertools.islice(itertools.chain.from_iterable(each), OVERLAYS))


def _gateway_bridge(survey: Survey) -> _Network | None:
    """Return the subnet of docker_gwbridge: where it is, or the first /16 that no network on the link has."""
    linked = {route.interface: _Network(route.network) for route in survey.routes if not route.gateway}
    if "docker_gwbridge" in linked:
        return linked["docker_gwbridge"]
    taken = [_Network(route.network) for route in survey.routes if not route.gateway]
    pools = (_Network(f"172.{second}.0.0/16") for second in range(18, 32))
    return next((pool for pool in pools if not any(pool.overlaps(network) for network in taken)), None)


def _told(route: Route) -> str:
    over = f" via {route.gateway}" if route.gateway else ""
    return f"route to {route.network}{over}" + (f" ({route.interface})" if route.interface else "")


def _mtu_problems(surveys: Mapping[str, Survey], wishes: Mapping[str, Wish]) -> Iterator[str]:
    """Complain of interfaces too narrow for an overlay, and of those narrower than the others'."""
    chosen = addresses(surveys, wishes)
    mtus = {}
    for host, survey in surveys.items():
        asked = {chosen[host].advertise, chosen[host].data_path}
        found = [address.interface for address in survey.addresses if address.address in asked]
        narrow = min((survey.mtus[name], name) for name in found if name in survey.mtus) if found else None
        if narrow:
            mtus[host] = narrow
    widest = max((mtu for mtu, _ in mtus.values()), default=0)
    for host, (mtu, name) in mtus.items():
        if mtu < SMALLEST_MTU:
            yield f"{host}: the MTU of {name} is {mtu}; an overlay needs {SMALLEST_MTU}: ip link set {name} mtu 1500"
        elif mtu < USUAL_MTU and mtu != widest:
            yield (
                f"{host}: the MTU of {name} is {mtu}, others' {widest}: large packets would be lost; "
                f"ip link set {name} mtu {widest}, or give all the same"
            )


def _room_problems(survey: Survey) -> _Found:
    if 0 <= survey.disk_free_mib < DISK_MIB:
        yield (
            survey.host,
            f"{survey.disk_free_mib} MiB are free for /var/lib/docker (on {survey.disk_path}), {DISK_MIB} are needed; "
            "docker system prune, or a larger disk",
        )
    missing = [name for name in FEATURES if survey.features.get(name) == "no"]
    if missing:
        yield (
            survey.host,
            f"its kernel ({survey.kernel}) has no {', '.join(missing)}, which overlays need; on Ubuntu "
            f"linux-modules-extra-{survey.kernel} brings them",
        )


def _engine_problems(survey: Survey, wish: Wish, engine: EngineFacts | None) -> _Found:
    host = survey.host
    if engine is None and not survey.dockerd and survey.socket == "absent":
        if not wish.docker_engine_install:
            yield host, "has no Docker Engine; docker_engine_install: true in the inventory lets the lab install it"
        elif not INSTALLABLE & {word.lower() for word in (survey.os_id, *survey.os_like)}:
            named = survey.os_id or "unknown"
            yield host, f"has no Docker Engine, and the lab cannot install one on {named}; install it by hand"
    if engine is not None and _version(engine.version) < OLDEST_ENGINE:
        yield host, f"its engine is {engine.version}; 17.06 or newer is needed: upgrade it"
    if survey.live_restore or (engine is not None and engine.live_restore):
        yield (
            host,
            "live-restore is on, and a swarm refuses live-restore; set "
            '"live-restore": false in /etc/docker/daemon.json and restart the engine',
        )


def _version(text: str) -> tuple[int, ...]:
    """Return a version's first two numbers; what has none, as a build of somebody's own, is new enough."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else OLDEST_ENGINE


def _right_problems(survey: Survey, wish: Wish) -> _Found:
    host = survey.host
    if survey.uid == 0:
        return
    if not wish.become:
        if survey.socket == "denied":
            yield (
                host,
                f"user {survey.user} may not open the engine's socket (group docker missing): "
                f"usermod -aG docker {survey.user} there, or ansible_become: true",
            )
        yield host, f"user {survey.user} is not root; the firewall and the engine need it: ansible_become: true"
    elif survey.sudo == "none":
        yield host, f"has no sudo for user {survey.user} to become root by: install it, or connect as root"
    elif survey.sudo == "password" and not wish.become_password:
        yield host, f"sudo asks user {survey.user} for a password: ansible_become_password, or NOPASSWD in sudoers"


def _swarm_problems(surveys: Mapping[str, Survey], engines: Mapping[str, EngineFacts], own: str) -> Iterator[str]:
    """Complain of hosts in swarms that are not the lab's.

    Where no manager's engine answers, one swarm of all may yet be the lab's: who starts the engines finds out.
    """
    members = {host: survey for host, survey in surveys.items() if survey.cluster_id}
    managers = {host for host, survey in members.items() if survey.node_role == "manager"}
    silent = bool(managers) and not managers & set(engines)
    if not own and silent and len({survey.cluster_id for survey in members.values()}) == 1:
        return
    for host, survey in members.items():
        if survey.cluster_id != own:
            yield (
                f"{host}: belongs to swarm {survey.cluster_id}, which is not this lab's: "
                "docker swarm leave --force there, or swarm_foreign: left in the inventory"
            )
