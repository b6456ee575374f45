"""What a lab is at this moment: its hosts, their engines, the swarm, and what runs there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.engine import container, daemon, network, swarm
from lab.engine.client import Engine, connect, reported
from lab.errors import LabError
from lab.hosts import state
from lab.hosts.base import HostState, LabPaths
from lab.hosts.providers import provider_of

SCHEMA = 1


@dataclass(frozen=True)
class HostStatus:
    """One host; ``problem`` says why the rest is empty. Memory is in bytes, processor time in seconds."""

    name: str
    address: str
    running: bool
    memory: int = 0
    processor_s: float = 0.0
    engine: str = ""
    engine_id: str = ""
    role: str = ""
    swarm: str = ""
    networks: list[dict[str, Any]] = field(default_factory=list)
    containers: list[dict[str, Any]] = field(default_factory=list)
    services: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class LabStatus:
    """The lab, its hosts in the order of its inventory."""

    lab: str
    up: bool
    inventory: str
    segment: str
    hosts: list[HostStatus]
    uplink: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the versioned form."""
        return {"schema": SCHEMA, **asdict(self)}


def of(paths: LabPaths) -> LabStatus:
    """Return the status of a lab; one that was never brought up has no hosts."""
    known = state.read(paths)
    if known is None:
        return LabStatus(paths.name, up=False, inventory="", segment="", hosts=[])
    provider = provider_of(known)
    found = provider.hosts(paths)
    provider.reach(paths, list(known.hosts))
    try:
        with ThreadPoolExecutor(max_workers=8) as pool:
            hosts = list(pool.map(lambda host: _host(paths, host), found))
    finally:
        provider.release(paths)
    up = all(host.running for host in found) and not any(host.problem for host in hosts if known.routes)
    return LabStatus(paths.name, up, known.inventory, known.segment, hosts, known.uplink is not None)


def _host(paths: LabPaths, host: HostState) -> HostStatus:
    if not host.running:
        return HostStatus(host.name, host.address, running=False, problem="does not run")
    memory, processor_s = host.memory, round(host.processor_s, 2)
    try:
        engine = connect(paths.engine_socket(host.name), timeout_s=10)
        facts, member = daemon.facts(engine), swarm.membership(engine)
        return HostStatus(
            name=host.name,
            address=host.address,
            running=True,
            memory=memory,
            processor_s=processor_s,
            engine=facts.version,
            engine_id=facts.engine_id,
            role=("manager" if member.manager else "worker") if member.node_id else "",
            swarm=member.state,
            networks=network.listed(engine),
            containers=container.owned(engine, paths.name),
            services=_services(engine) if member.manager else [],
        )
    except LabError as error:
        return HostStatus(
            host.name, host.address, running=True, memory=memory, processor_s=processor_s, problem=error.message
        )


def _services(engine: Engine) -> list[dict[str, Any]]:
    with reported("list services"):
        return [
            {"id": service["ID"], "name": service["Spec"]["Name"], "replicas": _replicas(service["Spec"])}
            for service in engine.services()
        ]


def _replicas(specification: dict[str, Any]) -> int | str:
    replicated = specification["Mode"].get("Replicated")
    return int(replicated["Replicas"]) if replicated else "global"
