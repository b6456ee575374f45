"""One look at a host before anything is changed: what its user's shell tells, and what root's tells besides."""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

_DATA_ROOT = r"""
data=$(sed -n 's/.*"data-root" *: *"\([^"]*\)".*/\1/p' /etc/docker/daemon.json 2>/dev/null | tail -n 1)
data=${data:-/var/lib/docker}
"""

SCRIPT = (
    r"""
echo "survey begins"
echo "clock $(date +%s.%N)"
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/snap/bin
LC_ALL=C
export LC_ALL
told() { sed "s|^|$1 |"; }
echo "hostname $(uname -n)"
echo "kernel $(uname -r)"
echo "architecture $(uname -m)"
echo "uid $(id -u)"
echo "user $(id -un)"
echo "groups $(id -Gn)"
echo "ssh $SSH_CONNECTION"
cat /etc/machine-id 2>/dev/null | told machine
for release in /etc/os-release /usr/lib/os-release; do
	[ -r $release ] || continue
	grep -E '^(ID|ID_LIKE)=' $release | told os
	break
done
if command -v ip >/dev/null; then
	ip -o link show 2>/dev/null | told link
	ip -o -4 addr show 2>/dev/null | told address
	ip -o -4 route show table all 2>/dev/null | told route
else
	for device in /sys/class/net/*; do
		[ -r "$device/mtu" ] && echo "mtu ${device##*/} $(cat "$device/mtu")"
	done
	told forward </proc/net/route
	while read -r one two three _; do
		[ "$one" != '|--' ] || leaf=$two
		[ "$one $two $three" != "/32 host LOCAL" ] || echo "local $leaf"
	done </proc/net/fib_trie 2>/dev/null
fi
for program in dockerd docker; do
	if command -v $program >/dev/null; then echo "program $program"; fi
done
socket=/var/run/docker.sock
if ! [ -S $socket ]; then echo "socket absent"
elif [ -r $socket ] && [ -w $socket ]; then echo "socket open"
else echo "socket denied"; fi
"""
    + _DATA_ROOT
    + r"""
while ! [ -d "$data" ] && [ "${data%/*}" != "$data" ]; do data=${data%/*}; done
df -Pk "${data:-/}" 2>/dev/null | tail -n 1 | told disk
grep '^MemTotal:' /proc/meminfo 2>/dev/null | told memory
if ! command -v sudo >/dev/null; then echo "sudo none"
elif sudo -n true </dev/null >/dev/null 2>&1; then echo "sudo free"
else echo "sudo password"; fi
"""
)
"""For the connection's user. Changes nothing, and ends well whatever the host lacks."""

_MODULES = {
    "vxlan": ("vxlan_open", "CONFIG_VXLAN"),
    "bridge": ("br_add_bridge", "CONFIG_BRIDGE"),
    "veth": ("veth_setup", "CONFIG_VETH"),
    "br_netfilter": ("br_nf_pre_routing", "CONFIG_BRIDGE_NETFILTER"),
    "overlay": ("ovl_fill_super", "CONFIG_OVERLAY_FS"),
    "ip_vs": ("ip_vs_conn_new", "CONFIG_IP_VS"),
    "esp4": ("esp4_err", "CONFIG_INET_ESP"),
}
"""The kernel's modules that overlays use, each with a symbol and an option that show it where it is built in."""

_NAMES = "|".join(_MODULES)
_SYMBOLS = "|".join(symbol for symbol, _ in _MODULES.values())
_OPTIONS = "|".join(option for _, option in _MODULES.values())

ROOT_SCRIPT = (
    r"""
echo "survey begins"
PATH=$PATH:/usr/sbin:/sbin
told() { sed "s|^|$1 |"; }
echo "root $(id -u)"
cat /etc/docker/daemon.json 2>/dev/null | told daemon
"""
    + _DATA_ROOT
    + rf"""
cat "$data/swarm/certificates/swarm-node.crt" 2>/dev/null | told certificate
modules=/lib/modules/$(uname -r)
if [ -r $modules/modules.dep ]; then echo "modules known"; fi
{{
	grep -hoE '/({_NAMES})\.ko' $modules/modules.dep $modules/modules.builtin | sed 's|^/||; s|\.ko$||'
	grep -oE '^({_NAMES}) ' /proc/modules
	for module in {" ".join(_MODULES)}; do
		if [ -d /sys/module/$module ] || modprobe -n -q $module; then echo $module; fi
	done
	if [ -e /proc/net/ip_vs ]; then echo ip_vs; fi
	grep -ow overlay /proc/filesystems
}} 2>/dev/null </dev/null | told module
{{ gzip -dc /proc/config.gz || cat /boot/config-$(uname -r); }} 2>/dev/null |
	grep -E '^(# )?({_OPTIONS})[= ]' | told config
grep -owE '({_SYMBOLS})' /proc/kallsyms 2>/dev/null | told symbol
"""
)
"""For root. Changes nothing: of the kernel's modules it only asks whether they could be loaded."""


@dataclass(frozen=True)
class Address:
    """An IPv4 address of an interface, and the length of its network's prefix."""

    interface: str
    address: str
    prefix: int


@dataclass(frozen=True)
class Route:
    """An IPv4 route: its network (CIDR), its interface, and its gateway where it is not on the link."""

    network: str
    interface: str
    gateway: str


@dataclass(frozen=True)
class Survey:
    """A host as it was found; ``host`` is its name in the inventory, ``hostname`` what it calls itself.

    ``socket`` of the engine is absent, open to the user or denied; ``sudo`` is none, free or asks for a password.
    What only root can tell is empty where ``root`` is false; a feature of the kernel is yes, no or unknown.
    """

    host: str
    hostname: str = ""
    machine_id: str = ""
    clock_offset_s: float = 0.0
    os_id: str = ""
    os_like: tuple[str, ...] = ()
    kernel: str = ""
    architecture: str = ""
    uid: int = -1
    user: str = ""
    groups: tuple[str, ...] = ()
    ssh_address: str = ""
    mtus: Mapping[str, int] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dockerd: bool = False
    docker_cli: bool = False
    socket: str = "absent"
    disk_path: str = ""
    disk_free_mib: int = -1
    memory_mib: int = -1
    sudo: str = "none"
    root: bool = False
    live_restore: bool = False
    cluster_id: str = ""
    node_id: str = ""
    node_role: str = ""
    features: Mapping[str, str] = field(default_factory=dict)


def parse(host: str, output: str, root_output: str, before_s: float, after_s: float) -> Survey:
    """Return what a host told: ``output`` of SCRIPT, ``root_output`` of ROOT_SCRIPT, empty where that was not run.

    ``before_s`` and ``after_s`` are this machine's clock around SCRIPT, in seconds since 1970.
    """
    told, root = _told(output), _told(root_output)
    ssh = _first(told, "ssh").split()
    disk = _first(told, "disk").split()
    release = dict(line.split("=", 1) for line in told.get("os", []) if "=" in line)
    cluster_id, node_id, node_role = _membership(root.get("certificate", []))
    return Survey(
        host=host,
        hostname=_first(told, "hostname"),
        machine_id=_first(told, "machine"),
        clock_offset_s=_offset(_first(told, "clock"), (before_s + after_s) / 2),
        os_id=release.get("ID", "").strip("\"'"),
        os_like=tuple(release.get("ID_LIKE", "").strip("\"'").split()),
        kernel=_first(told, "kernel"),
        architecture=_first(told, "architecture"),
        uid=_number(_first(told, "uid")),
        user=_first(told, "user"),
        groups=tuple(_first(told, "groups").split()),
        ssh_address=ssh[2].removeprefix("::ffff:") if len(ssh) == 4 else "",
        mtus=_mtus(told),
        addresses=tuple(_addresses(told)),
        routes=tuple(_routes(told)),
        dockerd="dockerd" in told.get("program", []),
        docker_cli="docker" in told.get("program", []),
        socket=_first(told, "socket") or "absent",
        disk_path=disk[5] if len(disk) == 6 else "",
        disk_free_mib=_number(disk[3], per=1024) if len(disk) == 6 else -1,
        memory_mib=_number(_first(told, "memory").removeprefix("MemTotal:").removesuffix("kB").strip(), per=1024),
        sudo=_first(told, "sudo") or "none",
        root=_first(root, "root") == "0",
        live_restore=_live_restore("\n".join(root.get("daemon", []))),
        cluster_id=cluster_id,
        node_id=node_id,
        node_role=node_role,
        features=_features(root),
    )


def to_json(survey: Survey) -> dict[str, Any]:
    """Return a survey as a plain dictionary."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(survey)))
    return plain


def from_json(plain: Mapping[str, Any]) -> Survey:
    """Return the survey that ``to_json`` made a dictionary of."""
    return Survey(
        **{
            **plain,
            "os_like": tuple(plain["os_like"]),
            "groups": tuple(plain["groups"]),
            "addresses": tuple(Address(**address) for address in plain["addresses"]),
            "routes": tuple(Route(**route) for route in plain["routes"]),
        }
    )


def _told(output: str) -> dict[str, list[str]]:
    """Return the lines by their first word; a shell may greet before the script begins."""
    found: dict[str, list[str]] = {}
    _, _, lines = output.replace("\r", "").rpartition("survey begins\n")
    for line in lines.splitlines():
        key, _, rest = line.partition(" ")
        found.setdefault(key, []).append(rest)
    return found


def _first(told: Mapping[str, list[str]], key: str) -> str:
    return next(iter(told.get(key, [])), "").strip()


def _number(text: str, per: int = 1) -> int:
    return int(text) // per if text.isdecimal() else -1


def _offset(clock: str, here_s: float) -> float:
    """Return seconds that a clock is ahead of this machine's; busybox's date does not tell fractions."""
    whole, _, fraction = clock.partition(".")
    if not whole.isdecimal():
        return 0.0
    return round(int(whole) + (float(f"0.{fraction}") if fraction.isdecimal() else 0.5) - here_s, 3)


def _mtus(told: Mapping[str, list[str]]) -> dict[str, int]:
    """Return each interface's MTU, of ``ip -o link`` or of /sys/class/net."""
    found = {}
    for line in told.get("link", []):
        if link := re.match(r"\d+: ([^:@ ]+)(?:@[^: ]+)?: .*?\bmtu (\d+)", line):
            found[link[1]] = int(link[2])
    for line in told.get("mtu", []):
        name, _, mtu = line.partition(" ")
        if mtu.isdecimal():
            found[name] = int(mtu)
    return found


def _addresses(told: Mapping[str, list[str]]) -> Iterator[Address]:
    """Yield the addresses of ``ip -o -4 addr``, else of proc's tables: those that are local, on which network."""
    for line in told.get("address", []):
        if found := re.match(r"\d+: (\S+) +inet ([\d.]+)(?: peer [\d.]+)?(?:/(\d+))?", line):
            yield Address(found[1], found[2], int(found[3] or 32))
    networks = [route for route in _routes(told) if not route.gateway] if "local" in told else []
    for local in dict.fromkeys(told.get("local", [])):
        address = ipaddress.ip_address(local)
        if address.is_loopback:
            yield Address("lo", local, 8)
            continue
        on = [route for route in networks if address in ipaddress.ip_network(route.network)]
        if on:
            route = max(on, key=lambda route: ipaddress.ip_network(route.network).prefixlen)
            yield Address(route.interface, local, ipaddress.ip_network(route.network).prefixlen)


def _routes(told: Mapping[str, list[str]]) -> Iterator[Route]:
    """Yield the routes of ``ip -o -4 route show table all``, else of /proc/net/route; none to the host itself."""
    for line in told.get("route", []):
        words = line.replace("\\", " ").split()
        if words and words[0] in {"unicast", "unreachable", "blackhole", "prohibit", "throw"}:
            words = words[1:]
        network = _network(words[0]) if words else ""
        if network:
            follow = dict(itertools.pairwise(words))
            yield Route(network, follow.get("dev", ""), follow.get("via", ""))
    for line in told.get("forward", []):
        columns = line.split()
        if len(columns) >= 8 and re.fullmatch(r"[0-9A-F]{8}", columns[1]):
            to, gateway, mask = (_little_endian(columns[column]) for column in (1, 2, 7))
            yield Route(str(ipaddress.ip_network(f"{to}/{mask}")), columns[0], "" if gateway == "0.0.0.0" else gateway)  # noqa: S104 -- proc's word for none


def _network(text: str) -> str:
    try:
        return str(ipaddress.IPv4Network("0.0.0.0/0" if text == "default" else text, strict=False))
    except ValueError:
        return ""


def _little_endian(digits: str) -> str:
    """Return an address of /proc/net/route, which has it as the machine's number; nearly all are little endian."""
    return str(ipaddress.IPv4Address(bytes.fromhex(digits)[::-1]))


def _live_restore(configuration: str) -> bool:
    try:
        return json.loads(configuration).get("live-restore") is True
    except (ValueError, AttributeError):
        return False


def _membership(lines: list[str]) -> tuple[str, str, str]:
    """Return cluster, node and role (manager or worker) in the subject of a node's certificate, empty without one."""
    if not lines:
        return "", "", ""
    try:
        subject = x509.load_pem_x509_certificate("\n".join(lines).encode()).subject
    except ValueError:
        return "", "", ""

    def named(oid: x509.ObjectIdentifier) -> str:
        return next((str(name.value) for name in subject.get_attributes_for_oid(oid)), "")

    role = named(NameOID.ORGANIZATIONAL_UNIT_NAME).removeprefix("swarm-")
    return named(NameOID.ORGANIZATION_NAME), named(NameOID.COMMON_NAME), role


def _features(told: Mapping[str, list[str]]) -> dict[str, str]:
    """Return of each module yes, no or unknown: yes by any sign of it, no where the kernel's own lists lack it."""
    if not told:
        return {}
    modules = {module.strip() for module in told.get("module", [])}
    symbols = set(told.get("symbol", []))
    options = set(told.get("config", []))
    found = {}
    for module, (symbol, option) in _MODULES.items():
        if module in modules or symbol in symbols or f"{option}=y" in options:
            found[module] = "yes"
        elif f"# {option} is not set" in options or "modules" in told:
            found[module] = "no"
        else:
            found[module] = "unknown"
    return found
