"""Services of a swarm: create, update, scale, remove, look (Engine API: /services, /tasks). Asked of a manager."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from docker.types import ContainerSpec, EndpointSpec, NetworkAttachmentConfig, ServiceMode, TaskTemplate, UpdateConfig

from lab.engine import ownership
from lab.engine.change import Change, command_line
from lab.engine.client import APIError, Engine, NotFound, reported
from lab.errors import InvalidInput

MONITOR_S = 5
"""Seconds for which the swarm watches a task after its update, ``docker service create``'s default."""


@dataclass(frozen=True)
class Published:
    """A port of the hosts that leads to a port of the service's tasks; 0 lets the swarm choose the first."""

    published: int
    target: int
    mode: Literal["ingress", "host"] = "ingress"
    protocol: Literal["tcp", "udp"] = "tcp"

    def __str__(self) -> str:
        """Return it as the summary shows it: ``80->80/tcp ingress``."""
        return f"{self.published}->{self.target}/{self.protocol} {self.mode}"

    def request(self) -> dict[str, Any]:
        """Return it as the Engine API takes it."""
        port = {"Protocol": self.protocol, "TargetPort": self.target, "PublishMode": self.mode}
        return {**port, **({"PublishedPort": self.published} if self.published else {})}

    def option(self) -> str:
        """Return it as ``docker service create --publish`` takes it."""
        mode = f"mode={self.mode}," if self.mode != "ingress" else ""
        protocol = f",protocol={self.protocol}" if self.protocol != "tcp" else ""
        return f"{mode}published={self.published},target={self.target}{protocol}"

    def removal(self) -> str:
        """Return it as ``docker service update --publish-rm`` takes it: known by target, protocol and mode."""
        plain = (self.mode, self.protocol) == ("ingress", "tcp")
        return str(self.target) if plain else self.option()


@dataclass(frozen=True)
class ServiceSpec:
    """A service as it should be; ``lab`` (or its ``stage``) owns it. No ``replicas``: global, a task a node."""

    name: str
    lab: str
    image: str = ""
    command: Sequence[str] = ()
    replicas: int | None = 1
    networks: Sequence[str] = ()
    publish: Sequence[Published] = field(default=())
    endpoint_mode: Literal["vip", "dnsrr"] = "vip"
    update_parallelism: int = 1
    update_order: Literal["stop-first", "start-first"] = "stop-first"
    stage: str = ""

    def wanted(self) -> dict[str, Any]:
        """Return what ``summary`` gives for a service that is as it should be."""
        return {
            "image": self.image,
            "command": list(self.command),
            "replicas": "global" if self.replicas is None else self.replicas,
            "networks": sorted(self.networks),
            "publish": sorted(map(str, self.publish)),
            "endpoint_mode": self.endpoint_mode,
            "update": f"{self.update_order}, {self.update_parallelism} at a time",
        }

    def command_line(self) -> str:
        """Return the docker command that creates it."""
        return command_line(
            "docker",
            "service",
            "create",
            "--name",
            self.name,
            *(word for port in self.publish for word in ("--publish", port.option())),
            *(("--mode", "global") if self.replicas is None else (f"--replicas={self.replicas}",)),
            *(word for network in self.networks for word in ("--network", network)),
            *(("--endpoint-mode", self.endpoint_mode) if self.endpoint_mode != "vip" else ()),
            *(("--update-order", self.update_order) if self.update_order != "stop-first" else ()),
            *(("--update-parallelism", str(self.update_parallelism)) if self.update_parallelism != 1 else ()),
            self.image,
            *self.command,
        )

    def update_line(self, before: Mapping[str, Any]) -> str:
        """Return the docker command that makes it of the service that ``before`` summarises."""
        after = self.wanted()
        if {key for key in after if after[key] != before[key]} == {"replicas"} and self.replicas is not None:
            return command_line("docker", "service", "scale", f"{self.name}={self.replicas}")
        return command_line("docker", "service", "update", *self._options(before), self.name)

    def _options(self, before: Mapping[str, Any]) -> Iterator[str]:
        after = self.wanted()
        old, new = before["networks"], after["networks"]
        yield from (word for name in new if name not in old for word in ("--network-add", name))
        yield from (word for name in old if name not in new for word in ("--network-rm", name))
        for port in self.publish:
            if str(port) not in before["publish"]:
                yield from ("--publish-add", port.option())
        for text in before["publish"]:
            if text not in after["publish"]:
                yield from ("--publish-rm", _published(text).removal())
        simple = {
            "--replicas": ("replicas", str(self.replicas)),
            "--image": ("image", self.image),
            "--endpoint-mode": ("endpoint_mode", self.endpoint_mode),
        }
        for option, (key, value) in simple.items():
            if before[key] != after[key]:
                yield from (option, value)
        if before["command"] != after["command"]:
            yield from ("--args", shlex.join(self.command)) if self.command else ("--args=",)
        order, _, rest = before["update"].partition(", ")
        if order != self.update_order:
            yield from ("--update-order", self.update_order)
        if rest.partition(" ")[0] != str(self.update_parallelism):
            yield from ("--update-parallelism", str(self.update_parallelism))


def _published(text: str) -> Published:
    """Return the port that ``str`` of it shows so."""
    published, target, protocol, mode = re.split(r"->|/| ", text)
    return Published(int(published), int(target), mode, protocol)  # type: ignore[arg-type]


def inspect(engine: Engine, name: str) -> dict[str, Any] | None:
    """Return ``docker service inspect NAME``; None where the swarm has no service of exactly that name."""
    with reported(f"inspect service {name}"):
        found = [service for service in engine.services(filters={"name": name}) if service["Spec"]["Name"] == name]
    return found[0] if found else None


def network_names(engine: Engine) -> dict[str, str]:
    """Return each network's name by its id, as this engine knows them."""
    with reported("list networks"):
        return {network["Id"]: network["Name"] for network in engine.networks()}


def summary(inspected: Mapping[str, Any] | None, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the part of an inspection that a specification decides; empty for an absent service.

    ``names`` has each network's name by its id: a service knows its networks by their ids only.
    """
    if inspected is None:
        return {}
    spec = inspected["Spec"]
    template = spec["TaskTemplate"]
    update = spec.get("UpdateConfig") or {}
    replicated = spec["Mode"].get("Replicated")
    return {
        "image": template["ContainerSpec"]["Image"],
        "command": template["ContainerSpec"].get("Args") or [],
        "replicas": replicated["Replicas"] if replicated else "global",
        "networks": sorted(names.get(network["Target"], network["Target"]) for network in _networks(template)),
        "publish": sorted(str(port) for port in ports(inspected)),
        "endpoint_mode": (spec.get("EndpointSpec") or {}).get("Mode", "vip"),
        "update": f"{update.get('Order', 'stop-first')}, {update.get('Parallelism', 1)} at a time",
    }


def _networks(template: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return template.get("Networks") or []


def ports(inspected: Mapping[str, Any]) -> list[Published]:
    """Return the ports that an inspected service publishes."""
    return [
        Published(
            port.get("PublishedPort", 0), port["TargetPort"], port.get("PublishMode", "ingress"), port["Protocol"]
        )
        for port in (inspected["Spec"].get("EndpointSpec") or {}).get("Ports") or []
    ]


def virtual_addresses(inspected: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Return the service's virtual IP on each network (CIDR notation), by the network's name."""
    found = (inspected.get("Endpoint") or {}).get("VirtualIPs") or []
    return {names.get(entry["NetworkID"], entry["NetworkID"]): entry.get("Addr", "") for entry in found}


def ensure(engine: Engine, spec: ServiceSpec, *, check: bool) -> Change:
    """Make sure that the service is there as specified; does not wait for its tasks (see ``tasks.converge``).

    Raises InvalidInput where a service of that name exists that is not this lab's, LabError with the engine's
    words where it refuses (a worker, a port that another service publishes).
    """
    present = inspect(engine, spec.name)
    names = network_names(engine) if present else {}
    before = summary(present, names)
    if present is not None:
        ownership.require_own(present["Spec"].get("Labels"), "service", spec.name, spec.lab, spec.stage)
        _require_same_mode(before, spec)
        if before == spec.wanted():
            return Change(before, before, spec.command_line(), output=present["ID"])
        command = spec.update_line(before)
        actions = (f"update service {spec.name}",)
    else:
        command, actions = spec.command_line(), (f"create service {spec.name}",)
    if check:
        return Change(before, spec.wanted(), command, actions)
    if present is None:
        request = _request(engine, spec, present)
        with reported(f"create service {spec.name}"):
            service_id = engine.create_service(**request)["ID"]
    else:
        service_id = present["ID"]
        _update(engine, spec, present)
    after = summary(inspect(engine, spec.name), network_names(engine))
    return Change(before, after, command, actions, service_id)


def _require_same_mode(before: Mapping[str, Any], spec: ServiceSpec) -> None:
    """Raise InvalidInput where a replicated service should become global, or the other way round: no engine can."""
    if (before["replicas"] == "global") != (spec.replicas is None):
        is_, wanted = ("global", "replicated") if before["replicas"] == "global" else ("replicated", "global")
        raise InvalidInput(
            f"service '{spec.name}' exists and is {is_}, not {wanted}",
            hint=f"docker service rm {spec.name} first; nothing was changed",
        )


def _update(engine: Engine, spec: ServiceSpec, present: Mapping[str, Any]) -> None:
    """Update the ``present`` service; once more where the swarm has just noted the progress of another update in it."""
    request = _request(engine, spec, present)
    with reported(f"update service {spec.name}"):
        while True:
            try:
                engine.update_service(present["ID"], present["Version"]["Index"], **request)
            except APIError as error:
                now = engine.inspect_service(present["ID"])
                if "out of sequence" not in str(error) or now["Spec"] != present["Spec"]:
                    raise
                present = now
            else:
                return


def _request(engine: Engine, spec: ServiceSpec, present: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arguments of the engine's call that creates a service, or updates the ``present`` one."""
    forced = present["Spec"]["TaskTemplate"].get("ForceUpdate", 0) if present else 0
    ids = {name: network_id for network_id, name in network_names(engine).items()}
    unknown = [name for name in spec.networks if name not in ids]
    if unknown:
        raise InvalidInput(f"service {spec.name}: there is no network {', '.join(unknown)}")
    container = ContainerSpec(
        spec.image, args=list(spec.command) or None, labels=ownership.labels(spec.lab, spec.stage)
    )
    attachments = [NetworkAttachmentConfig(target=ids[name]) for name in spec.networks]
    mode = ServiceMode("global") if spec.replicas is None else ServiceMode("replicated", spec.replicas)
    published: Any = [port.request() for port in spec.publish]
    return {
        "task_template": TaskTemplate(container, networks=attachments, force_update=forced),
        "name": spec.name,
        "labels": ownership.labels(spec.lab, spec.stage),
        "mode": mode,
        "update_config": UpdateConfig(
            parallelism=spec.update_parallelism,
            failure_action="pause",
            monitor=MONITOR_S * 10**9,
            order=spec.update_order,
        ),
        "endpoint_spec": EndpointSpec(mode=spec.endpoint_mode, ports=published),
    }


def ensure_absent(engine: Engine, name: str, lab: str, *, check: bool) -> Change:
    """Remove the lab's service; its tasks end in their own time (see ``leftovers.wait_gone``)."""
    command = command_line("docker", "service", "rm", name)
    present = inspect(engine, name)
    if present is None:
        return Change({}, {}, command)
    ownership.require_own(present["Spec"].get("Labels"), "service", name, lab)
    before = summary(present, network_names(engine))
    if not check:
        with reported(f"remove service {name}"):
            try:
                engine.remove_service(present["ID"])
            except NotFound:
                return Change({}, {}, command)
    return Change(before, {}, command, (f"remove service {name}",), name)


def owned(engine: Engine, lab: str, stage: str) -> list[str]:
    """Return the names of the services of a lab's stage."""
    with reported("list services"):
        return [service["Spec"]["Name"] for service in engine.services(filters=ownership.filters(lab, stage))]
