"""Leaving a swarm in the order that harms nobody: drained, demoted, left, taken off the managers' list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.engine import swarm
from lab.engine.change import Change
from lab.engine.client import Engine, reported
from lab.engine.ownership import OWNER_LABEL
from lab.engine.swarm import Node
from lab.errors import LabError
from lab.polling import until

_BUILT_IN = "ingress"


def strangers(manager: Engine, lab: str) -> list[str]:
    """Return the services and overlays of the swarm that are not the lab's, in words."""
    with reported("list services and networks"):
        services: list[dict[str, Any]] = manager.services()
        networks: list[dict[str, Any]] = manager.networks(filters={"scope": "swarm"})
    named = [("service", entry["Spec"]["Name"], entry["Spec"].get("Labels")) for entry in services]
    named += [("network", entry["Name"], entry.get("Labels")) for entry in networks if entry["Name"] != _BUILT_IN]
    return sorted(f"{kind} {name}" for kind, name, labels in named if (labels or {}).get(OWNER_LABEL) != lab)


def dissolve(engines: Mapping[str, Engine], managers: Sequence[str], *, check: bool, deadline_s: float) -> Change:
    """Make every host leave: workers first, managers one by one once they are demoted, the last one by force.

    ``engines`` are those of the swarm's hosts; ``managers`` names them in the order in which they stay longest.
    """
    before = {host: swarm.summary(swarm.membership(engine)) for host, engine in engines.items()}
    members = [host for host, member in before.items() if member["state"] != "inactive"]
    after = {host: {"state": "inactive", "role": ""} for host in engines}
    acting = [host for host in managers if host in members and before[host]["role"] == "manager"]
    workers = [host for host in members if host not in acting]
    order = [*workers, *reversed(acting)]
    if not check:
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda host: swarm.leave(engines[host]), workers))
        for host in reversed(acting[1:]):
            _step_down(engines[acting[0]], engines[host], host, deadline_s)
        for host in acting[:1]:
            swarm.leave(engines[host])
    return Change(before, after, "docker swarm leave --force", tuple(f"{host} leaves the swarm" for host in order))


def _step_down(manager: Engine, engine: Engine, host: str, deadline_s: float) -> None:
    """Demote a manager, wait until it knows, and make it leave."""
    swarm.change_node(manager, swarm.membership(engine).node_id, {"Role": "worker"})
    still, waited = until(
        lambda: swarm.membership(engine).manager, lambda manages: not manages, deadline_s=deadline_s, every_s=0.1
    )
    if still:
        raise LabError(f"is a manager still, {waited:.0f} s after it was demoted", host=host)
    swarm.leave(engine)


def ensure_pruned(manager: Engine, departed: Mapping[str, Engine | None], *, check: bool, deadline_s: float) -> Change:
    """Take hosts (by host name) out of the swarm: drained, demoted, left where their engine answers, removed."""
    found = [node for node in swarm.nodes(manager) if node.hostname in departed]
    before = {"nodes": sorted(node.hostname for node in found)}
    if not check:
        for node in found:
            _take_out(manager, node, departed[node.hostname], deadline_s)
    actions = tuple(f"drain, demote and remove node {node.hostname}" for node in found)
    commands = [f"docker node update --availability drain {node.hostname}" for node in found]
    return Change(before, {"nodes": []}, "; ".join(commands), actions)


def _take_out(manager: Engine, node: Node, engine: Engine | None, deadline_s: float) -> None:
    swarm.change_node(manager, node.id, {"Availability": "drain"})
    if node.state == "ready":
        running, waited = until(
            lambda: _running_on(manager, node.id), lambda count: count == 0, deadline_s=deadline_s, every_s=0.1
        )
        if running:
            raise LabError(f"{running} tasks still run there, {waited:.0f} s after it was drained", host=node.hostname)
    if engine is not None and node.role == "manager":
        _step_down(manager, engine, node.hostname, deadline_s)
    elif engine is not None:
        swarm.leave(engine)
    swarm.remove_node(manager, next(entry for entry in swarm.nodes(manager) if entry.id == node.id))


def _running_on(manager: Engine, node_id: str) -> int:
    with reported("list tasks"):
        return sum(task["Status"]["State"] == "running" for task in manager.tasks(filters={"node": node_id}))
