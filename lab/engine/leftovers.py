"""What a stage left in the engines: found by its labels, removed in the order in which things let go of another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.engine import container, network, ownership, service
from lab.engine.change import Change
from lab.engine.client import Engine, reported
from lab.errors import LabError
from lab.polling import until

_TASK_LABEL = "com.docker.swarm.task.id"

Things = Mapping[str, Mapping[str, list[str]]]
"""Names by host and kind (service, container, task, network); a host with nothing is not in it."""


def listed(engines: Mapping[str, Engine], manager: str, lab: str, stage: str, *, ended: bool) -> Things:
    """Return what is labelled for a stage.

    Containers of tasks that have ended are told with ``ended`` only: the swarm's agents keep them for some seconds
    after their service has gone, and remove them in their own time.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(lambda host: _on(engines[host], lab, stage, manager=host == manager, ended=ended), engines)
        return {host: things for host, things in zip(engines, found, strict=True) if things}


def wait_gone(
    engines: Mapping[str, Engine], manager: str, lab: str, stage: str, *, deadline_s: float
) -> tuple[Things, float]:
    """Wait until nothing of the stage is there or runs; return what is left, and the seconds waited."""
    return until(
        lambda: listed(engines, manager, lab, stage, ended=False),
        lambda left: not left,
        deadline_s=deadline_s,
        every_s=0.05,
    )


def ensure_absent(
    engines: Mapping[str, Engine], manager: str, lab: str, stage: str, *, check: bool, deadline_s: float
) -> Change:
    """Remove all containers, services and networks that a stage of the lab labelled, on every engine.

    Waits until every engine has let go of them; raises LabError with what is left after ``deadline_s`` seconds.
    """
    before = listed(engines, manager, lab, stage, ended=True)
    if before and not check:
        for name in before.get(manager, {}).get("service", []):
            service.ensure_absent(engines[manager], name, lab, check=False)
        _remove_containers(engines, before, "container", lab)
        _remove_networks(engines, before, manager, lab, deadline_s)
        left, waited = wait_gone(engines, manager, lab, stage, deadline_s=deadline_s)
        if left:
            raise LabError(f"still there after {waited:.0f} s: {'; '.join(words(left))}")
        _remove_containers(engines, listed(engines, manager, lab, stage, ended=True), "task", lab)
    return Change(before, {}, actions=tuple(f"remove {thing}" for thing in words(before)))


def words(things: Things) -> list[str]:
    """Return each thing in words: ``network nginx-net on worker-1``."""
    return [
        f"{kind} {name} on {host}" for host, kinds in things.items() for kind, names in kinds.items() for name in names
    ]


def _on(engine: Engine, lab: str, stage: str, *, manager: bool, ended: bool) -> dict[str, list[str]]:
    """Return what one engine has: names by kind, kinds of which it has none left out."""
    filters = ownership.filters(lab, stage)
    with reported("list what the stage left"):
        containers: list[dict[str, Any]] = engine.containers(all=True, filters=filters)
        networks = [found["Name"] for found in engine.networks(filters=filters)]
    of_tasks = [found for found in containers if _TASK_LABEL in found["Labels"]]
    found = {
        "service": service.owned(engine, lab, stage) if manager else [],
        "container": _names(found for found in containers if found not in of_tasks),
        "task": _names(found for found in of_tasks if ended or found["State"] == "running"),
        "network": sorted(networks),
    }
    return {kind: names for kind, names in found.items() if names}


def _names(containers: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(str(found["Names"][0]).lstrip("/") for found in containers)


def _remove_networks(engines: Mapping[str, Engine], things: Things, manager: str, lab: str, deadline_s: float) -> None:
    """Remove overlays by the manager, whence they leave the other hosts, and every other network where it is."""
    for host, kinds in things.items():
        for name in kinds.get("network", ()):
            found = network.inspect(engines[host], name)
            if found is not None and (host == manager or found["Scope"] == "local"):
                network.ensure_absent(engines[host], name, lab, check=False, deadline_s=deadline_s)


def _remove_containers(engines: Mapping[str, Engine], things: Things, kind: str, lab: str) -> None:
    def remove(host: str) -> None:
        for name in things[host].get(kind, ()):
            container.ensure_absent(engines[host], name, lab, check=False)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(remove, things))
