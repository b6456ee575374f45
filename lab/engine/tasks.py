"""A service's tasks: where they are, whether they are as many as they should be, and what keeps them from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from lab.engine import container, service
from lab.engine.client import Engine, NotFound, reported
from lab.errors import LabError
from lab.polling import until

STEADY_S = 0.25
"""Seconds for which a container must have run, in the eyes of its own engine."""
STEADY_TOLD_S = 1.0
"""The same in a manager's eyes: a task that ends at once is still told as running for up to 0.6 s."""
_FAILED = frozenset({"complete", "failed", "rejected"})
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")
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
    if begun is None and _age(inspected["UpdatedAt"]) > STEADY_TOLD_S:
        return False
    return _moment(raw["CreatedAt"]) < _moment(begun or inspected["UpdatedAt"])


def _moment(timestamp: str) -> datetime:
    """Return a time in the engine's notation: RFC 3339, up to nine digits after the point, in any zone."""
    match = _RFC3339.fullmatch(timestamp)
    if match is None:
        raise LabError(f"an engine told the time as {timestamp!r}")
    zone = match[3].replace("Z", "+00:00")
    return datetime.fromisoformat(f"{match[1]}.{(match[2] or '')[:6]:0<6}{zone}")


def _age(timestamp: str) -> float:
    """Return the seconds since a time in the engine's notation."""
    return (datetime.now(timezone.utc) - _moment(timestamp)).total_seconds()


def converge(engine: Engine, name: str, deadline_s: float, engines: Mapping[str, Engine] | None = None) -> Convergence:
    """Wait until as many tasks run as the service wants and none of an older form does.

    A container that ends at once also runs for a moment, so each must have run for STEADY_S; where a task has
    failed, for as long as the swarm itself watches (5 s). ``engines`` has the engine of each node, by its host name,
    which is asked itself; for any other node the managers' word has to do, which comes later and by another clock.
    Reaching the deadline is no error here: the caller judges what is there. Raises LabError where there is no such
    service.
    """
    return _wait(engine, name, deadline_s, lambda now: now.settled, engines)


def wait_refused(engine: Engine, name: str, deadline_s: float) -> Convergence:
    """Wait until a task tells why it does not run."""
    return _wait(engine, name, deadline_s, lambda now: bool(now.errors))


def _wait(
    engine: Engine,
    name: str,
    deadline_s: float,
    holds: Callable[[Convergence], bool],
    engines: Mapping[str, Engine] | None = None,
) -> Convergence:
    now, waited = until(lambda: look(engine, name, engines), holds, deadline_s=deadline_s, every_s=0.05)
    return replace(now, waited_s=waited)


def look(engine: Engine, name: str, engines: Mapping[str, Engine] | None = None) -> Convergence:
    """Return how a service stands at this moment; raises LabError where there is none of that name."""
    inspected = service.inspect(engine, name)
    if inspected is None:
        raise LabError(f"there is no service '{name}'")
    found = listed(engine, inspected)
    running = [task for task in found if task.running and task.current]
    stale = [task for task in found if task.state == "running" and not task.current]
    failed = [task for task in found if task.current and (task.state in _FAILED or task.error)]
    wanted = _wanted(engine, inspected)
    settled = len(running) == wanted and not stale
    return Convergence(
        wanted=wanted,
        tasks=found,
        errors=_errors(failed, inspected),
        waited_s=0.0,
        settled=settled and all(_steady(task, engines or {}, after_failure=bool(failed)) for task in running),
    )


def _steady(task: Task, engines: Mapping[str, Engine], *, after_failure: bool) -> bool:
    """Tell whether a task has run for long enough to be believed."""
    if task.node in engines:
        return _up_s(engines[task.node], task.container) >= (service.MONITOR_S if after_failure else STEADY_S)
    return task.since_s >= (service.MONITOR_S if after_failure else STEADY_TOLD_S)


def _up_s(engine: Engine, container_id: str) -> float:
    """Return the seconds for which a container has run, by its own engine's clock; 0 where it does not."""
    with reported(f"inspect container {container_id[:12]}"):
        try:
            state = engine.inspect_container(container_id)["State"]
        except NotFound:
            return 0.0
        now = engine.info()["SystemTime"]
    return (_moment(now) - _moment(state["StartedAt"])).total_seconds() if state["Running"] else 0.0


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
