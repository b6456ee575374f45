"""Tasks in states that a real swarm passes through too quickly, or that need a broken one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.engine import tasks
from lab.engine.service import MONITOR_S
from lab.errors import LabError

TEMPLATE = {"ContainerSpec": {"Image": "nginx"}, "Networks": [{"Target": "id-1"}]}
NODES = [
    {
        "ID": name,
        "Description": {"Hostname": name},
        "Status": {"State": state},
        "Spec": {"Availability": availability},
    }
    for name, state, availability in [
        ("one", "ready", "active"),
        ("two", "ready", "active"),
        ("drained", "ready", "drain"),
        ("dead", "down", "active"),
    ]
]


def ago(seconds: float) -> str:
    """Return a time in the engine's notation: nanoseconds, of which zeros at the end are left out."""
    moment = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}000".rstrip("0").rstrip(".") + "Z"


def dated(told: Any) -> Any:
    """Return what an engine tells, with times in the place of ages: they count from when it is asked."""
    if isinstance(told, dict):
        return {key: dated(value) for key, value in told.items()}
    return ago(told) if isinstance(told, float) else told


def task(state: str = "running", error: str = "", *, node: str = "one", since: float = 60.0, **more: Any) -> dict:
    """Return a task as the engine tells it, an age for each time; it is as old as its state."""
    return {
        "ID": f"{node}-{state}",
        "CreatedAt": since,
        "NodeID": node,
        "Status": {"State": state, "Err": error, "Timestamp": since},
        "DesiredState": "running",
        "Spec": TEMPLATE,
        **more,
    }


def service(replicas: int | None = 1, **more: Any) -> dict:
    mode = {"Global": {}} if replicas is None else {"Replicated": {"Replicas": replicas}}
    spec = {"Name": "web", "TaskTemplate": TEMPLATE, "Mode": mode}
    return {"ID": "web-id", "Spec": spec, "UpdatedAt": 60.0, **more}


def look(inspected: dict, *found: dict) -> tasks.Convergence:
    """Look at a service by a stand-in for the manager's engine."""
    engine: Any = SimpleNamespace(
        services=lambda **_: [dated(inspected)],
        tasks=lambda **_: [dated(one) for one in found],
        nodes=lambda: NODES,
        networks=lambda: [{"Id": "id-1", "Name": "my-net"}],
    )
    return tasks.look(engine, "web")


@pytest.mark.parametrize(
    ("replicas", "wanted"), [(0, 0), (3, 3), (None, 2)], ids=["none", "three", "one for each node that takes tasks"]
)
def test_as_many_tasks_are_wanted_as_the_service_says(replicas: int | None, wanted: int):
    assert look(service(replicas)).wanted == wanted


def test_a_task_is_told_with_node_container_and_addresses():
    attached = [
        {"Network": {"ID": "id-1"}, "Addresses": ["10.0.1.3/24"]},
        {"Network": {"ID": "id-2"}, "Addresses": ["10.0.2.3/24"]},
        {"Network": {"ID": "id-3"}},
    ]
    status = {"State": "running", "Timestamp": 60.0, "ContainerStatus": {"ContainerID": "c1"}}
    (seen,) = look(service(), task(NetworksAttachments=attached, Status=status)).tasks
    assert (seen.node, seen.container, seen.running, seen.current) == ("one", "c1", True, True)
    assert seen.addresses == {"my-net": "10.0.1.3", "id-2": "10.0.2.3"}


def test_the_newest_task_is_told_first():
    found = look(service(), task(since=9.0, node="one"), task(since=3.0, node="two"))
    assert [seen.node for seen in found.tasks] == ["two", "one"]


@pytest.mark.parametrize(
    ("found", "errors"),
    [
        ([task()], []),
        ([task("failed", "task: non-zero exit (3)")], ["one: task: non-zero exit (3)"]),
        ([task("rejected", "No such image: none:1")] * 2, ["one: No such image: none:1"]),
        ([task("failed")], ["one: failed"]),
        ([task("pending", "no suitable node", node="")], ["no node: no suitable node"]),
        ([task("failed", "of an older form", Spec={"ContainerSpec": {"Image": "nginx:1"}})], []),
    ],
    ids=["none", "its own words", "each once", "its state where it has none", "of no node", "of the past"],
)
def test_what_keeps_tasks_from_running_is_told_in_their_own_words(found: list[dict], errors: list[str]):
    assert look(service(), *found).errors == errors


def test_an_update_that_the_swarm_paused_is_told():
    paused = {"State": "paused", "Message": "update paused due to failure"}
    assert look(service(UpdateStatus=paused), task()).errors == ["update paused: update paused due to failure"]


AGED = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("found", "settled"),
    [
        ([task()], True),
        ([task(Status={"State": "running", "Timestamp": AGED})], True),
        ([], False),
        ([task("starting")], False),
        ([task(DesiredState="shutdown")], False),
        ([task(), task(node="two")], False),
        ([task(), task(node="two", Spec={**TEMPLATE, "Networks": []})], False),
        ([task(), task("shutdown", node="two", Spec={**TEMPLATE, "Networks": []})], True),
        ([task(Spec={**TEMPLATE, "ForceUpdate": 1})], False),
        ([task(since=tasks.STEADY_TOLD_S / 2)], False),
        ([task(since=tasks.STEADY_TOLD_S * 1.5)], True),
        ([task("failed"), task(since=MONITOR_S - 1.0)], False),
        ([task("failed"), task(since=MONITOR_S + 1.0)], True),
    ],
    ids=[
        "runs",
        "runs since a full second",
        "is not there",
        "does not run yet",
        "is not to go on",
        "too many run",
        "an older one runs beside it",
        "an older one has ended",
        "only an older one runs",
        "has just begun",
        "has run for a while",
        "has just begun after a failure",
        "has run for long after a failure",
    ],
)
def test_a_service_has_settled_when_its_tasks_run_and_go_on(found: list[dict], settled: bool):
    assert look(service(1), *found).settled is settled


PORTS = {"Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}]}


@pytest.mark.parametrize(
    ("update", "current"),
    [
        ({"PreviousSpec": {"EndpointSpec": PORTS}, "UpdateStatus": {"StartedAt": 30.0}}, [False, True]),
        ({"PreviousSpec": {"EndpointSpec": PORTS}, "UpdatedAt": 0.0}, [False, False]),
        ({"PreviousSpec": {"EndpointSpec": PORTS}, "UpdatedAt": 50.0}, [True, True]),
        ({"PreviousSpec": {}, "UpdateStatus": {"StartedAt": 30.0}}, [True, True]),
        ({}, [True, True]),
    ],
    ids=["is under way", "is about to begin", "had nothing to replace", "was of something else", "was none"],
)
def test_tasks_from_before_an_update_of_the_ports_are_of_the_past(update: dict, current: list[bool]):
    seen = look(service(**update), task(since=60.0), task(since=20.0, node="two"))
    assert [one.current for one in reversed(seen.tasks)] == current


def accepted(text: str) -> dict[str, int]:
    """Count by a stand-in for an engine whose only container prints this."""
    engine: Any = SimpleNamespace(
        containers=lambda **_: [{"Id": "c1"}],
        exec_create=lambda *_: {"Id": "e1"},
        exec_start=lambda _: text.encode(),
        exec_inspect=lambda _: {"ExitCode": 0},
    )
    return tasks.accepted(engine, "web")


def test_connections_are_counted_by_the_kernels_own_table():
    assert accepted(Path("/proc/net/snmp").read_text())["c1"] >= 0
    lines = "Ip: Forwarding\nIp: 1\nTcp: MaxConn ActiveOpens PassiveOpens\nTcp: -1 12 34\nUdp: In\nUdp: 7\n"
    assert accepted(lines) == {"c1": 34}


@pytest.mark.parametrize("text", ["", "cat: not found", "Tcp: MaxConn\nTcp: -1\n", "Tcp: PassiveOpens\n"])
def test_a_container_that_does_not_tell_its_connections_is_an_error(text: str):
    with pytest.raises(LabError, match="does not tell its TCP connections"):
        accepted(text)
