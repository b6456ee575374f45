"""Reading an inventory with a critical eye: every problem at once, before anything is changed."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lab.errors import InvalidInput
from lab.hosts import vm
from lab.hosts.base import DEFAULT_LAB, DEFAULT_SEGMENT, HostSpec, LabSpec, is_host_name, is_lab_name
from lab.hosts.outward import is_reachable
from lab.hosts.providers import PROVIDERS
from lab.hosts.recipes import RECIPES
from lab.hosts.segment import outsider
from lab.project import project
from lab.reading import page

LAB_VARIABLES = frozenset(
    {
        "lab_name",
        "lab_provider",
        "lab_segment",
        "lab_address",
        "lab_explain",
        "lab_step",
        "lab_uplink",
        "lab_uplink_nameservers",
        "lab_prune",
    }
)
SSH_VARIABLES = frozenset({"advertise_address", "advertise_interface", "data_path_address", "node_labels"})
"""What hosts reached by SSH understand besides, each a host's own."""

_CONNECTION_VARIABLES = frozenset(
    {
        "ansible_host_key_checking",
        "ansible_ssh_host_key_checking",
        "ansible_ssh_args",
        "ansible_ssh_common_args",
        "ansible_ssh_extra_args",
        "ansible_become",
    }
)
_UNCHECKED = re.compile(
    r"StrictHostKeyChecking[ =]+(no|off|accept-new)|UserKnownHostsFile[ =]+/dev/null", re.IGNORECASE
)

LOW = 10
"""Addresses at the segment's beginning that are given out last: people expect routers there."""


@dataclass(frozen=True)
class Inventory:
    """What Ansible read: the members of each group, in order, and each host's variables."""

    groups: Mapping[str, Sequence[str]]
    variables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    source: str = ""

    def members(self) -> list[str]:
        """Return the lab's hosts: managers, then workers, each once."""
        return list(dict.fromkeys([*self.groups.get("managers", ()), *self.groups.get("workers", ())]))

    def of(self, host: str, name: str, default: Any = None) -> Any:
        """Return a host's variable."""
        return self.variables.get(host, {}).get(name, default)


def check_file(path: Path) -> None:
    """Raise InvalidInput where an inventory file is missing, or is YAML that cannot be read (with its line)."""
    if not path.exists():
        raise InvalidInput(f"inventory {path} does not exist")
    if path.is_dir() or path.suffix not in {".yml", ".yaml"}:
        return
    try:
        content = page(path)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "not text"
        raise InvalidInput(f"inventory {where}: {problem}") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"inventory {path} holds no groups")


def validate(inventory: Inventory) -> LabSpec:
    """Return the lab that an inventory describes; raises InvalidInput with every problem in it."""
    problems = _problems(inventory)
    if not problems and provider_name(inventory) == "ssh":
        problems = _ssh_problems(inventory)
        _refuse(problems)
        members, name = inventory.members(), _lab_name(inventory)
        return LabSpec(name, "", tuple(HostSpec(host, "") for host in members), inventory.source)
    if not problems and provider_name(inventory) == "vm":
        problems = _ssh_problems(inventory)
    segment, segment_problems = _segment(inventory)
    uplink, uplink_problems = _uplink(inventory)
    problems += [*segment_problems, *uplink_problems]
    addresses: dict[str, str] = {}
    servers: tuple[str, ...] = ()
    if segment is not None:
        addresses, address_problems = _addresses(inventory, segment)
        servers, server_problems = _name_servers(inventory, segment)
        problems += [*address_problems, *server_problems]
    _refuse(problems)
    hosts = tuple(_host(inventory, host, addresses[host]) for host in inventory.members())
    return LabSpec(_lab_name(inventory), str(segment), hosts, inventory.source, uplink=uplink, name_servers=servers)


def _host(inventory: Inventory, host: str, address: str) -> HostSpec:
    """Return a host that the lab makes; a virtual machine has its disk from an image, whatever the inventory says."""
    image = str(inventory.of(host, "lab_host_root") or (vm.IMAGE if provider_name(inventory) == "vm" else ""))
    return HostSpec(
        host,
        address,
        image=image,
        memory_mib=int(inventory.of(host, "lab_host_memory_mib") or 0),
        processors=int(inventory.of(host, "lab_host_processors") or 0),
        ssh_port=int(inventory.of(host, "lab_host_ssh_port") or 0),
    )


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise InvalidInput(
            f"the inventory has {len(problems)} problem{'s' * (len(problems) > 1)}", problems=tuple(problems)
        )


def _lab_name(inventory: Inventory) -> str:
    return str(inventory.of(inventory.members()[0], "lab_name", DEFAULT_LAB))


def _problems(inventory: Inventory) -> list[str]:
    """Return what is wrong with an inventory, whatever its hosts are."""
    return [
        *_group_problems(inventory),
        *_lab_name_problems(inventory),
        *_name_problems(inventory),
        *_provider_problems(inventory),
        *_variable_problems(inventory),
        *_value_problems(inventory),
        *_root_problems(inventory),
    ]


def _root_problems(inventory: Inventory) -> list[str]:
    """Complain of host images that there are not, and of images for hosts that have a root already."""
    asked: dict[str, list[str]] = {}
    for host in inventory.members():
        if inventory.of(host, "lab_host_root"):
            asked.setdefault(str(inventory.of(host, "lab_host_root")), []).append(host)
    problems = []
    for name, hosts in asked.items():
        near = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"images: {', '.join(RECIPES)}"
        if name not in RECIPES:
            problems.append(f"{', '.join(hosts)}: lab_host_root: there is no host image {name} ({hint})")
        elif provider_name(inventory) == "ssh":
            problems.append(f"{', '.join(hosts)}: lab_host_root: hosts that are there already have a root of their own")
    return problems


def _ssh_problems(inventory: Inventory) -> list[str]:
    """Complain of what turns the check of host keys off, and of addresses that are none."""
    problems = []
    for host in inventory.members():
        for name in sorted(_CONNECTION_VARIABLES):
            value = inventory.of(host, name)
            off = name.endswith("host_key_checking") and str(value).lower() in {"false", "no", "off", "0"}
            if off or (name.endswith("args") and _UNCHECKED.search(str(value or ""))):
                problems.append(f"{host}: {name} turns the check of host keys off, which the lab does not do")
        for name in ("advertise_address", "data_path_address"):
            text = inventory.of(host, name)
            if text and not _is_address(str(text)):
                problems.append(f"{host}: {name} '{text}' is no IPv4 address")
        problems += [
            f"{host}: swarm_address_pools: '{pool}' is no IPv4 network"
            for pool in inventory.of(host, "swarm_address_pools") or ()
            if not _is_network(str(pool))
        ]
        if not isinstance(inventory.of(host, "node_labels", {}), dict):
            problems.append(f"{host}: node_labels must be names with values")
    return problems


def _is_network(text: str) -> bool:
    try:
        ipaddress.IPv4Network(text)
    except ValueError:
        return False
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def provider_name(inventory: Inventory) -> str:
    """Return the provider of the (valid) inventory's hosts."""
    return str(inventory.of(inventory.members()[0], "lab_provider", "netns"))


def _group_problems(inventory: Inventory) -> list[str]:
    managers, workers = (inventory.groups.get(group, ()) for group in ("managers", "workers"))
    problems = [] if managers else ["group managers has no host: a swarm needs one"]
    return problems + [f"{host}: is in both groups, managers and workers" for host in managers if host in workers]


def _lab_name_problems(inventory: Inventory) -> list[str]:
    names = sorted({str(inventory.of(host, "lab_name", DEFAULT_LAB)) for host in inventory.members()})
    if len(names) > 1:
        return [f"hosts of several labs: {', '.join(names)}"]
    return [f"lab_name '{name}' cannot name a lab" for name in names if not is_lab_name(name)]


def _name_problems(inventory: Inventory) -> list[str]:
    problems = []
    for host in inventory.members():
        labels = host.split(".") if inventory.of(host, "lab_provider") == "ssh" else [host]
        if not all(map(is_host_name, labels)):
            problems.append(f"{host}: is no valid host name (lower-case letters, digits, inner hyphens, at most 63)")
    return problems


def _provider_problems(inventory: Inventory) -> list[str]:
    asked = {host: str(inventory.of(host, "lab_provider", "netns")) for host in inventory.members()}
    problems = [
        f"{host}: unknown provider '{provider}' (known: {', '.join(sorted(PROVIDERS))})"
        for host, provider in asked.items()
        if provider not in PROVIDERS
    ]
    if len(set(asked.values())) > 1 and not problems:
        problems.append(f"hosts of several providers in one lab: {', '.join(sorted(set(asked.values())))}")
    return problems


@cache
def specifications() -> dict[str, dict[str, Any]]:
    """Return the variables that the roles understand, each with its form: the roles' argument specifications."""
    found: dict[str, dict[str, Any]] = {}
    for specification in project().roles.glob("*/meta/argument_specs.yml"):
        content = page(specification)
        for entry in content["argument_specs"].values():
            found.update(entry.get("options", {}))
    return found


def known_variables() -> frozenset[str]:
    """Return the names of the variables that the lab and its roles understand."""
    return LAB_VARIABLES | SSH_VARIABLES | _CONNECTION_VARIABLES | frozenset(specifications())


def _variable_problems(inventory: Inventory) -> list[str]:
    """Complain of variables that look like ours (by their first words) and are not."""
    known = known_variables()
    prefixes = ("lab_", *{f"{role.name}_" for role in project().roles.iterdir() if role.is_dir()})
    unknown: dict[str, list[str]] = {}
    for host in inventory.members():
        for name in inventory.variables.get(host, {}):
            if name.startswith(prefixes) and name not in known:
                unknown.setdefault(name, []).append(host)
    problems = []
    for name, hosts in unknown.items():
        near = difflib.get_close_matches(name, known, n=1)
        problems.append(
            f"{', '.join(hosts)}: unknown variable {name}" + (f" (did you mean {near[0]}?)" if near else "")
        )
    return problems


def _value_problems(inventory: Inventory) -> list[str]:
    """Complain of values that a role cannot take, in the words of Ansible's own validation."""
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    form = {name: _form(option) for name, option in specifications().items()}
    told: dict[str, list[str]] = {}
    for host in inventory.members():
        given = {name: value for name, value in inventory.variables.get(host, {}).items() if name in form}
        outcome = ArgumentSpecValidator({name: form[name] for name in given}).validate(given)
        for message in outcome.error_messages:
            told.setdefault(message, []).append(host)
    return [f"{', '.join(hosts)}: {message}" for message, hosts in told.items()]


def _form(option: Mapping[str, Any]) -> dict[str, Any]:
    return {key: option[key] for key in ("type", "elements", "choices") if key in option}


def _segment(inventory: Inventory) -> tuple[ipaddress.IPv4Network | None, list[str]]:
    asked = {str(inventory.of(host, "lab_segment", DEFAULT_SEGMENT)) for host in inventory.members()}
    text = min(asked, default=DEFAULT_SEGMENT)
    if len(asked) > 1:
        return None, [f"hosts on several segments: {', '.join(sorted(asked))}"]
    try:
        segment = ipaddress.IPv4Network(text)
    except ValueError:
        return None, [f"lab_segment '{text}' is no IPv4 network (for example {DEFAULT_SEGMENT})"]
    if segment.num_addresses < len(inventory.members()) + 3:
        return None, [f"lab_segment {segment} is too small for {len(inventory.members())} hosts"]
    return segment, []


def _uplink(inventory: Inventory) -> tuple[bool, list[str]]:
    """Return whether the lab asks for an uplink; it has one or none, whatever each host says."""
    from ansible.module_utils.parsing.convert_bool import boolean

    asked = {str(inventory.of(host, "lab_uplink", False)) for host in inventory.members()}
    try:
        values = {boolean(text) for text in asked}
    except TypeError:
        return False, [f"lab_uplink must be true or false, not {', '.join(sorted(asked))}"]
    return True in values, ["hosts with an uplink and without in one lab"] if len(values) > 1 else []


def _name_servers(inventory: Inventory, segment: ipaddress.IPv4Network) -> tuple[tuple[str, ...], list[str]]:
    """Return the name servers that the inventory gives to hosts with an uplink; none means the machine's."""
    given = [inventory.of(host, "lab_uplink_nameservers", []) for host in inventory.members()]
    if not given or given[0] == []:
        return (), []
    if not isinstance(given[0], list) or any(servers != given[0] for servers in given):
        return (), ["lab_uplink_nameservers must be a list of IPv4 addresses, the same for all hosts"]
    servers = tuple(str(server) for server in given[0])
    bad = [server for server in servers if not is_reachable(server, segment)]
    return servers, [f"lab_uplink_nameservers: no host can reach '{server}'" for server in bad]


def _addresses(inventory: Inventory, segment: ipaddress.IPv4Network) -> tuple[dict[str, str], list[str]]:
    """Return each host's address: its ``lab_address``, or the next free one in the order of the inventory."""
    given = {
        host: str(inventory.of(host, "lab_address"))
        for host in inventory.members()
        if inventory.of(host, "lab_address")
    }
    problems = [problem for host, text in given.items() if (problem := _address_problem(host, text, segment))]
    for text in sorted(set(given.values())):
        twice = [host for host, other in given.items() if other == text]
        if len(twice) > 1:
            problems.append(f"{', '.join(twice)}: the same address {text}")
    taken = {*given.values(), str(outsider(segment))}
    addresses = [str(address) for address in segment.hosts()]
    free = (address for address in [*addresses[LOW:], *addresses[:LOW]] if address not in taken)
    assigned = {host: given.get(host) or next(free, "") for host in inventory.members()}
    if "" in assigned.values():
        problems.append(
            f"lab_segment {segment} has no address left for {', '.join(h for h, a in assigned.items() if not a)}"
        )
    return assigned, problems


def _address_problem(host: str, text: str, segment: ipaddress.IPv4Network) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return f"{host}: lab_address '{text}' is no IPv4 address"
    if address not in segment:
        return f"{host}: lab_address {address} is outside the segment {segment}"
    if address in (segment.network_address, segment.broadcast_address) or text == str(outsider(segment)):
        return f"{host}: lab_address {address} is reserved on the segment {segment}"
    return ""
