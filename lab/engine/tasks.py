"""A service's tasks: where they are, whether they are as many as they should be, and what keeps them from it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from lab.engine import container, service
from lab.engine.client import Engine, reported
from lab.errors import LabError

POLL_S = 0.05
STEADY_S = 1.0
"""Seconds for which a task must have run: one that ends at once is still told as running for up to 0.6 s."""
_FAILED = frozenset({"complete", "failed", "rejected"})
_PASSIVE_OPENS = re.compile(r"^Tcp: (.*)\nTcp: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Task:
    """A task as a manager sees it (``docker service ps``); ``current`` if it is of the service's present form."""

    id: str
    node: str
    state: str
    desired: str
    container: str
    error: str
    addresses: Mapping[str, str]
    """The task's address on each network, by the network's name."""
    current: bool
    since_s: float
    """Seconds since it has this state, by the manager's clock and this machine's."""

    @property
    def running(self) -> bool:
        """Whether it runs and is to go on running."""
        return self.state == "running" and self.desired == "running"


@dataclass(frozen=True)
class Convergence:
    """A service's tasks: how many are wanted, how many run, what the others say, and the seconds waited."""

    wanted: int
    tasks: Sequence[Task]
    errors: Sequence[str]
    waited_s: float
    settled: bool

    @property
    def running(self) -> Sequence[Task]:
        """The tasks of the service's present form that run."""
        return [task for task in self.tasks if task.running and task.current]

    def __str__(self) -> str:
        """Return how it stands in words: ``5 of 5``, or ``4 of 5`` with what the others say."""
        standing = f"{len(self.running)} of {self.wanted}"
        return standing if self.settled or not self.errors else f"{standing} ({'; '.join(self.errors)})"


def listed(engine: Engine, inspected: Mapping[str, Any]) -> list[Task]:
    """Return the tasks of an inspected service, those of its past among them, newest first."""
    with reported(f"list tasks of service {inspected['Spec']['Name']}"):
        found = engine.tasks(filters={"service": inspected["ID"]})
        nodes = {node["ID"]: node["Description"].get("Hostname", "?") for node in engine.nodes()}
    names = service.network_names(engine)
    tasks = [_task(raw, inspected, nodes, names) for raw in sorted(found, key=lambda raw: str(raw["CreatedAt"]))]
    return tasks[::-1]


def _task(
    raw: Mapping[str, Any], inspected: Mapping[str, Any], nodes: Mapping[str, str], names: Mapping[str, str]
) -> Task:
    status = raw["Status"]
    addresses = {
        names.get(entry["Network"]["ID"], entry["Network"]["ID"]): entry["Addresses"][0].partition("/")[0]
        for entry in raw.get("NetworksAttachments") or []
        if entry.get("Addresses")
    }
    return Task(
        id=raw["ID"],
        node=nodes.get(raw.get("NodeID", ""), ""),
        state=status["State"],
        desired=raw["DesiredState"],
        container=(status.get("ContainerStatus") or {}).get("ContainerID", ""),
        error=status.get("Err", ""),
        addresses=addresses,
        current=_form(raw["Spec"]) == _form(inspected["Spec"]["TaskTemplate"]) and not _outdated(raw, inspected),
        since_s=_age(status["Timestamp"]),
    )


def _form(template: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what makes two task templates the same: what an update may change."""
    spec = template["ContainerSpec"]
    networks = sorted(network["Target"] for network in template.get("Networks") or [])
    return spec["Image"], spec.get("Args") or [], networks, template.get("ForceUpdate", 0)


def _outdated(raw: Mapping[str, Any], inspected: Mapping[str, Any]) -> bool:
    """Tell whether a task is older than an update of its service's ports.

    Such an update replaces the tasks, and nothing in a task tells for which ports it was made. Until the swarm
    notes the update's beginning, some milliseconds after the request, the request's own time has to serve.
    """
    before = inspected.get("PreviousSpec")
    if before is None or before.get("EndpointSpec") == inspected["Spec"].get("EndpointSpec"):
        return False
    begun = (inspected.get("UpdateStatus") or {}).get("StartedAt")
    if begun is None and _age(inspected["UpdatedAt"]) > STEADY_S:
        return False
    return _moment(raw["CreatedAt"]) < _moment(begun or inspected["UpdatedAt"])


def _moment(timestamp: str) -> datetime:
    """Return a time in the engine's notation: RFC 3339, up to nine digits after the point, none where all are 0."""
    seconds, _, fraction = timestamp.rstrip("Z").partition(".")
    whole = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return whole.replace(microsecond=int(fraction[:6].ljust(6, "0")))


def _age(timestamp: str) -> float:
    """Return the seconds since a time in the engine's notation."""
    return (datetime.now(timezone.utc) - _moment(timestamp)).total_seconds()


def converge(engine: Engine, name: str, deadline_s: float) -> Convergence:
    """Wait until as many tasks run as the service wants and none of an older form does.

    A container that ends at once also runs for a moment, so each must have run for a second; where a task has
    failed, for as long as the swarm itself watches (5 s). Reaching the deadline is no error here: the caller judges
    what is there.
    Raises LabError where there is no such service.
    """
    return _wait(engine, name, deadline_s, lambda now: now.settled)


def wait_refused(engine: Engine, name: str, deadline_s: float) -> Convergence:
    """Wait until a task tells why it does not run."""
    return _wait(engine, name, deadline_s, lambda now: bool(now.errors))


def _wait(engine: Engine, name: str, deadline_s: float, holds: Callable[[Convergence], bool]) -> Convergence:
    start = time.monotonic()
    while True:
        now = look(engine, name, time.monotonic() - start)
        if holds(now) or now.waited_s > deadline_s:
            return now
        time.sleep(POLL_S)


def look(engine: Engine, name: str, waited_s: float = 0.0) -> Convergence:
    """Return how a service stands at this moment; raises LabError where there is none of that name."""
    inspected = service.inspect(engine, name)
    if inspected is None:
        raise LabError(f"there is no service '{name}'")
    found = listed(engine, inspected)
    running = [task for task in found if task.running and task.current]
    stale = [task for task in found if task.state == "running" and not task.current]
    failed = [task for task in found if task.current and (task.state in _FAILED or task.error)]
    wanted = _wanted(engine, inspected)
    watch_s = service.MONITOR_S if failed else STEADY_S
    return Convergence(
        wanted=wanted,
        tasks=found,
        errors=_errors(failed, inspected),
        waited_s=waited_s,
        settled=len(running) == wanted and not stale and all(task.since_s >= watch_s for task in running),
    )


def _wanted(engine: Engine, inspected: Mapping[str, Any]) -> int:
    """Return the number of tasks that a service wants: its replicas, or one a node that takes tasks."""
    replicated = inspected["Spec"]["Mode"].get("Replicated")
    if replicated:
        return int(replicated["Replicas"])
    with reported("list nodes"):
        nodes = engine.nodes()
    return sum(node["Status"]["State"] == "ready" and node["Spec"]["Availability"] == "active" for node in nodes)


def _errors(failed: Sequence[Task], inspected: Mapping[str, Any]) -> list[str]:
    """Return what the tasks that do not run say, in the engine's words, each once, with the node."""
    told = [f"{task.node or 'no node'}: {task.error or task.state}" for task in failed]
    update = inspected.get("UpdateStatus") or {}
    if update.get("State") == "paused":
        told.append(f"update paused: {update.get('Message', '')}")
    return list(dict.fromkeys(told))


def accepted(engine: Engine, name: str) -> dict[str, int]:
    """Return, for each running container of a service here, the TCP connections that it has accepted so far.

    From the container's own counter (PassiveOpens in proc_net_snmp(5)), so that it tells which task answered
    whatever the image serves.
    """
    label = f"com.docker.swarm.service.name={name}"
    with reported(f"list containers of service {name}"):
        found = [entry["Id"] for entry in engine.containers(filters={"label": label})]
    with ThreadPoolExecutor(max_workers=4) as pool:
        outputs = list(pool.map(lambda one: container.execute(engine, one, ["cat", "/proc/net/snmp"]), found))
    return {one: _passive_opens(output.text) for one, output in zip(found, outputs, strict=True)}


def _passive_opens(text: str) -> int:
    """Return PassiveOpens out of /proc/net/snmp's two lines on TCP; raises LabError where they are not there."""
    match = _PASSIVE_OPENS.search(text)
    fields = dict(zip(match[1].split(), match[2].split(), strict=False)) if match else {}
    if "PassiveOpens" not in fields:
        raise LabError(f"a container does not tell its TCP connections: {text[:80]!r}")
    return int(fields["PassiveOpens"])
