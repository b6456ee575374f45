"""Networks of an engine: create, inspect, remove (Engine API: /networks)."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from docker.types import IPAMConfig, IPAMPool

from lab.engine import ownership
from lab.engine.change import Change, command_line
from lab.engine.client import APIError, Engine, NotFound, reported
from lab.errors import InvalidInput
from lab.polling import until

ALLOCATION_DEADLINE_S = 10.0
GIVEN_BY_ENGINE = frozenset({"com.docker.network.driver.overlay.vxlanid_list"})
"""Options that an inspection shows and nobody asked for."""


@dataclass(frozen=True)
class NetworkSpec:
    """A network as it should be; ``lab`` (or its ``stage``) owns it."""

    name: str
    lab: str
    driver: str = "overlay"
    attachable: bool = False
    encrypted: bool = False
    subnet: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    stage: str = ""

    def command(self) -> str:
        """Return the docker command that creates it."""
        options = [
            word for key, value in self.all_options().items() for word in ("--opt", f"{key}={value}" if value else key)
        ]
        subnet = ("--subnet", self.subnet) if self.subnet else ()
        attachable = "--attachable" if self.attachable else ""
        return command_line("docker", "network", "create", "-d", self.driver, attachable, *subnet, *options, self.name)

    def all_options(self) -> dict[str, str]:
        """Return the driver's options, encryption among them."""
        return {**self.options, **({"encrypted": ""} if self.encrypted else {})}


def inspect(engine: Engine, name: str) -> dict[str, Any] | None:
    """Return ``docker network inspect NAME``; None where this engine has no network of exactly that name.

    By listing with a filter: an inspection by name would also match the beginning of an id.
    """
    with reported(f"inspect network {name}"):
        found = [network for network in engine.networks(names=[name]) if network["Name"] == name]
        if not found:
            return None
        try:
            inspected: dict[str, Any] = engine.inspect_network(found[0]["Id"])
        except NotFound:
            return None
    return inspected


def listed(engine: Engine) -> list[dict[str, Any]]:
    """Return ``docker network ls``: id, name, driver and scope of each network."""
    with reported("list networks"):
        return [
            {
                "id": network["Id"],
                "name": network["Name"],
                "driver": network["Driver"],
                "scope": network["Scope"],
            }
            for network in sorted(engine.networks(), key=lambda network: str(network["Name"]))
        ]


def wait_listed(engine: Engine, names: Sequence[str], deadline_s: float) -> list[dict[str, Any]]:
    """Return ``docker network ls`` once all of ``names`` are in it, or as it is when the deadline has passed.

    An engine makes its ingress network and docker_gwbridge a moment after it has joined.
    """
    return until(
        lambda: listed(engine),
        lambda found: set(names) <= {network["name"] for network in found},
        deadline_s=deadline_s,
        every_s=0.05,
    )[0]


def summary(inspected: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the part of an inspection that a specification decides; empty for an absent network."""
    if inspected is None:
        return {}
    pools = inspected.get("IPAM", {}).get("Config") or []
    options = dict(inspected.get("Options") or {})
    return {
        "driver": inspected["Driver"],
        "attachable": inspected.get("Attachable", False),
        "encrypted": "encrypted" in options,
        "subnet": pools[0].get("Subnet", "") if pools else "",
        "options": {key: value for key, value in options.items() if key not in GIVEN_BY_ENGINE},
    }


def ensure(engine: Engine, spec: NetworkSpec, *, check: bool) -> Change:
    """Make sure that the network is there as specified.

    Raises InvalidInput where a network of that name exists that is not this lab's, or that differs:
    a network cannot be changed, and removing it is not for this function to decide.
    """
    present = inspect(engine, spec.name)
    before = summary(present)
    if present is not None:
        _require_own(present, spec)
        _require_same(before, spec)
        return Change(before, before, spec.command(), output=present["Id"])
    wanted = {
        "driver": spec.driver,
        "attachable": spec.attachable,
        "encrypted": spec.encrypted,
        "subnet": spec.subnet,
        "options": spec.all_options(),
    }
    if check:
        return Change(before, wanted, spec.command(), (f"create network {spec.name}",))
    with reported(f"create network {spec.name}"):
        created = engine.create_network(
            spec.name,
            driver=spec.driver,
            attachable=spec.attachable,
            options=spec.all_options() or None,
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=spec.subnet)]) if spec.subnet else None,
            labels=ownership.labels(spec.lab, spec.stage),
            check_duplicate=True,
        )
    made = _allocated(engine, spec.name)
    return Change(before, summary(made), spec.command(), (f"create network {spec.name}",), created["Id"])


def _allocated(engine: Engine, name: str) -> dict[str, Any] | None:
    """Return a new network once the swarm has given it its driver and its subnet."""
    return until(
        lambda: inspect(engine, name),
        lambda made: made is not None and bool(made["Driver"]),
        deadline_s=ALLOCATION_DEADLINE_S,
        every_s=0.01,
    )[0]


def _require_own(present: Mapping[str, Any], spec: NetworkSpec) -> None:
    ownership.require_own(present.get("Labels"), "network", spec.name, spec.lab, spec.stage)


def _require_same(before: Mapping[str, Any], spec: NetworkSpec) -> None:
    asked = {"driver": spec.driver, "attachable": spec.attachable, "encrypted": spec.encrypted}
    if spec.subnet:
        asked["subnet"] = spec.subnet
    before = {**before, **{key: before["options"].get(key) for key in spec.options}}
    asked |= spec.options
    different = [f"{key} is {before[key]!r}, not {value!r}" for key, value in asked.items() if before[key] != value]
    if different:
        raise InvalidInput(f"network '{spec.name}' exists and differs: {'; '.join(different)}")


def ensure_absent(engine: Engine, name: str, lab: str, *, check: bool, deadline_s: float = 20) -> Change:
    """Remove the lab's network ``name``; a network in use is tried again until ``deadline_s`` seconds passed.

    Removal of containers and tasks is asynchronous, so "in use" right after it is normal. A network of that
    name that is not this lab's raises InvalidInput.
    """
    command = command_line("docker", "network", "rm", name)
    present = inspect(engine, name)
    if present is None:
        return Change({}, {}, command)
    _require_own(present, NetworkSpec(name=name, lab=lab))
    if not check:
        _remove(engine, present["Id"], name, deadline_s)
    return Change(summary(present), {}, command, (f"remove network {name}",), name)


def _remove(engine: Engine, network_id: str, name: str, deadline_s: float) -> None:
    end = time.monotonic() + deadline_s
    while True:
        try:
            engine.remove_network(network_id)
        except NotFound:
            break
        except APIError as error:
            if "not found" in str(error.explanation):  # by status 500: the swarm has removed it, this engine not yet
                break
            in_use = "in use" in str(error) or "active endpoints" in str(error)
            if not in_use or time.monotonic() > end:
                with reported(f"remove network {name}"):
                    raise
            time.sleep(0.1)
        else:
            break
    wait(engine, name, present=False, deadline_s=max(0.0, end - time.monotonic()))


def wait(engine: Engine, name: str, *, present: bool, deadline_s: float) -> tuple[dict[str, Any] | None, float]:
    """Wait until the network is there (or is not); return its inspection, if any, and the seconds waited."""
    return _wait(engine, name, lambda found: (found is not None) == present, deadline_s)


def containers(inspected: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Return an inspected network's containers on this engine: id, name, address; its load balancer is none."""
    found = (inspected or {}).get("Containers") or {}
    return [
        {"id": container_id, "name": entry["Name"], "address": entry["IPv4Address"].partition("/")[0]}
        for container_id, entry in sorted(found.items(), key=lambda item: str(item[1]["Name"]))
        if not container_id.startswith(("lb-", "ep-"))
    ]


def peers(inspected: Mapping[str, Any] | None) -> list[str]:
    """Return the addresses of the hosts that an inspected overlay spans, in order."""
    found = (inspected or {}).get("Peers") or []
    return [str(address) for address in sorted(ipaddress.ip_address(peer["IP"]) for peer in found)]


def wait_peers(engine: Engine, name: str, number: int, deadline_s: float) -> tuple[dict[str, Any] | None, float]:
    """Wait until an overlay has as many peers as it should: the hosts' gossip brings them."""
    return _wait(engine, name, lambda found: len(peers(found)) == number, deadline_s)


def _wait(
    engine: Engine, name: str, holds: Callable[[dict[str, Any] | None], bool], deadline_s: float
) -> tuple[dict[str, Any] | None, float]:
    return until(lambda: inspect(engine, name), holds, deadline_s=deadline_s, every_s=0.02)
