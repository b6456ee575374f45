"""Whether an engine is ready for a stage: the right swarm, the images, and names that nobody else uses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lab.engine import container, image, network, ownership, service, swarm
from lab.engine.client import Engine, reported


def swarm_problems(engine: Engine, manager: Engine, host: str) -> list[str]:
    """Return why an engine is no working node of the swarm that ``manager`` manages.

    Compares clusters, not states: an engine may be an active node of quite another swarm.
    """
    own, theirs = swarm.membership(engine), swarm.membership(manager)
    if not theirs.manager:
        return [f"the first manager manages no swarm (it is {theirs.state}): lab up forms it"]
    if own.state != "active":
        return [f"is in no swarm (it is {own.state}): lab up joins it"]
    node = next((node for node in swarm.nodes(manager) if node.id == own.node_id), None)
    if node is None:
        its = f"swarm {own.cluster_id}" if own.cluster_id else f"another swarm, as node {own.node_id}"
        return [f"belongs to {its}; the first manager belongs to swarm {theirs.cluster_id}"]
    if node.state != "ready":
        return [f"its node is {node.state}: no task can run there"]
    drained = node.availability != "active"
    return [f"its node is on {node.availability}: docker node update --availability active {host}"] * drained


def version_problems(engine: Engine, oldest: str) -> list[str]:
    """Return that an engine is older than a stage needs."""
    with reported("engine version"):
        version = str(engine.version()["Version"])
    if _numbers(version) < _numbers(oldest):
        return [f"its engine is {version}; the stage needs {oldest} or newer"]
    return []


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def image_problems(engine: Engine, images: Sequence[str]) -> list[str]:
    """Return which images are missing."""
    missing = [tag for tag in images if image.inspect(engine, tag) is None]
    return [f"image {tag} is not there: lab up brings it" for tag in missing]


def name_problems(engine: Engine, names: Mapping[str, Sequence[str]], lab: str, stage: str) -> list[str]:
    """Return which names (by kind: service, network, container) somebody else uses, and what to do about it."""
    problems = []
    for kind, wanted in names.items():
        for name in wanted:
            found = _LABELS[kind](engine, name)
            wrong = ownership.complaint(found, kind, name, lab, stage) if found is not None else ""
            if wrong:
                problems.append(f"{wrong} ({ownership.remedy(found, lab)})")
    return problems


def _service_labels(engine: Engine, name: str) -> dict[str, str] | None:
    found = service.inspect(engine, name)
    return None if found is None else found["Spec"].get("Labels") or {}


def _network_labels(engine: Engine, name: str) -> dict[str, str] | None:
    found = network.inspect(engine, name)
    return None if found is None else found.get("Labels") or {}


def _container_labels(engine: Engine, name: str) -> dict[str, str] | None:
    found = container.inspect(engine, name)
    return None if found is None else found["Config"].get("Labels") or {}


_LABELS = {"service": _service_labels, "network": _network_labels, "container": _container_labels}


def published(manager: Engine, ports: Sequence[int]) -> dict[int, str]:
    """Return which of the tcp ports a service of the swarm publishes, each with the service's name."""
    with reported("list services"):
        services: list[dict[str, Any]] = manager.services()
    return {
        entry["PublishedPort"]: str(found["Spec"]["Name"])
        for found in services
        for entry in (found.get("Endpoint") or {}).get("Ports") or ()
        if entry.get("PublishedPort") in ports and entry["Protocol"] == "tcp"
    }


def holder(engine: Engine, port: int) -> str:
    """Return who holds a tcp port of the engine's host: a container, or a program that the engine does not know."""
    with reported("list containers"):
        running: list[dict[str, Any]] = engine.containers()
    for found in running:
        if any(entry.get("PublicPort") == port and entry["Type"] == "tcp" for entry in found["Ports"]):
            return f"container {found['Names'][0].lstrip('/')}"
    return "a program on it"
