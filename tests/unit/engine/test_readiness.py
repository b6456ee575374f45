"""What an engine that is not ready lacks, as far as the engines of a lab cannot be made to show it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.engine.readiness import swarm_problems, version_problems


@pytest.mark.parametrize(
    ("version", "oldest"),
    [("17.06.2-ce", "17.06"), ("20.10.24+dfsg1", "17.03"), ("28.0.1", "28.0"), ("17.12.0", "17.6"), ("18", "17.06")],
)
def test_an_engine_of_that_version_or_a_newer_one_will_do(version: str, oldest: str):
    assert version_problems(engine(version=version), oldest) == []


@pytest.mark.parametrize(("version", "oldest"), [("17.05.0-ce", "17.06"), ("9.99", "17.03"), ("20.9.1", "20.10")])
def test_an_older_engine_is_told(version: str, oldest: str):
    problem = f"its engine is {version}; the stage needs {oldest} or newer"
    assert version_problems(engine(version=version), oldest) == [problem]


def engine(swarm: dict[str, Any] | None = None, node: dict[str, Any] | None = None, version: str = "") -> Any:
    """Return a stand-in for an engine: what it says of its swarm, and the only node that it manages."""
    return SimpleNamespace(
        info=lambda: {"Swarm": swarm}, nodes=lambda: [node] if node else [], version=lambda: {"Version": version}
    )


def member(state: str = "active", node: str = "n1", cluster: str = "", *, manager: bool = False) -> dict[str, Any]:
    return {"LocalNodeState": state, "NodeID": node, "Cluster": {"ID": cluster}, "ControlAvailable": manager}


def node(state: str = "ready", availability: str = "active") -> dict[str, Any]:
    return {
        "ID": "n1",
        "Description": {"Hostname": "one"},
        "Status": {"State": state},
        "Spec": {"Role": "worker", "Availability": availability},
    }


MANAGES = member(node="n0", cluster="c0", manager=True)


@pytest.mark.parametrize(
    ("own", "theirs", "seen", "problem"),
    [
        (member("inactive", ""), member("inactive", ""), None, "the first manager manages no swarm (it is inactive)"),
        (member(), member(node="n0"), None, "the first manager manages no swarm (it is active)"),
        (member("inactive", ""), MANAGES, node(), "is in no swarm (it is inactive)"),
        (member("pending"), MANAGES, node(), "is in no swarm (it is pending)"),
        (member(node="n9", cluster="c9", manager=True), MANAGES, node(), "belongs to swarm c9; the first manager"),
        (member(node="n9"), MANAGES, node(), "belongs to another swarm, as node n9; the first manager"),
        (member(), MANAGES, node("down"), "its node is down"),
        (member(), MANAGES, node(availability="drain"), "its node is on drain: docker node update --availability"),
    ],
    ids=[
        "nobody is in a swarm",
        "the manager is a worker",
        "it is in none",
        "it is on its way",
        "it manages another",
        "it works for another",
        "it is down",
        "it is drained",
    ],
)
def test_an_engine_that_is_no_working_node_of_the_swarm_is_told(own: dict, theirs: dict, seen: dict, problem: str):
    (told,) = swarm_problems(engine(own), engine(theirs, seen), "one")
    assert told.startswith(problem)


def test_a_working_node_has_no_problem():
    assert swarm_problems(engine(member()), engine(MANAGES, node()), "one") == []
