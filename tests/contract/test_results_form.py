"""The JSON forms: a key that goes or changes its name is a new version of the form."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from lab import __version__
from lab.results import SCHEMA, Check, Problem, RunResult, StageResult, Step
from lab.status import SCHEMA as STATUS_SCHEMA
from lab.status import HostStatus, LabStatus

RUN = {
    "schema",
    "program",
    "lab",
    "command",
    "exit_code",
    "took_s",
    "changed",
    "parts",
    "steps",
    "claims",
    "nodes",
    "pings",
    "images",
    "problems",
    "summary",
    "stages",
}
CHECK = {"id", "title", "verdict", "expected", "observed", "host", "waited_s", "reason", "evidence"}
STEP = {"name", "role", "host", "changed", "took_s", "command", "output"}
PROBLEM = {"code", "message", "hint", "host"}
STAGE = {"name", "took_s", "claims", "unjudged", "problems", "summary"}
STATUS = {"schema", "lab", "up", "inventory", "segment", "hosts", "uplink"}
HOST = {
    "name",
    "address",
    "running",
    "memory",
    "processor_s",
    "engine",
    "engine_id",
    "role",
    "swarm",
    "networks",
    "containers",
    "services",
    "problem",
}


@pytest.fixture
def run() -> dict:
    """Return the JSON form of a run with one of everything."""
    step = Step("Join", "swarm", "worker-1", True, 0.1)
    claim = Check("s.holds", "It holds", "pass", 1, 1)
    problem = Problem(1, "no answer")
    stage = StageResult("s", 1.0, (step, claim), (problem,), ("s.left",))
    result = RunResult("lab", "lab up", 1, 1.0, 1, steps=(step,), claims=(claim,), problems=(problem,), stages=(stage,))
    return json.loads(json.dumps(result.to_json()))


@pytest.fixture
def status() -> dict:
    """Return the JSON form of the status of a lab with one host."""
    known = LabStatus("lab", True, "netns.yml", "198.18.0.0/24", [HostStatus("manager", "198.18.0.11", True)])
    return json.loads(json.dumps(known.to_json()))


def test_both_forms_are_of_version_1(run: dict, status: dict):
    assert (run["schema"], SCHEMA) == (1, 1)
    assert (status["schema"], STATUS_SCHEMA) == (1, 1)


def test_a_run_names_the_program_that_wrote_it(run: dict):
    assert run["program"] == f"lab {__version__}"


def test_a_run_has_these_keys(run: dict):
    assert set(run) == RUN


@pytest.mark.parametrize(
    ("part", "keys"), [("steps", STEP), ("claims", CHECK), ("problems", PROBLEM), ("stages", STAGE)]
)
def test_each_part_of_a_run_has_these_keys(run: dict, part: str, keys: set[str]):
    assert set(run[part][0]) == keys


def test_a_stage_names_its_claims_and_what_was_not_judged(run: dict):
    (stage,) = run["stages"]
    assert (stage["claims"], stage["unjudged"]) == (["s.holds"], ["s.left"])
    assert stage["summary"] == run["summary"]
    assert set(stage["problems"][0]) == PROBLEM


def test_the_summary_counts_these_verdicts(run: dict):
    assert run["summary"] == {"pass": 1, "fail": 0, "skip": 0, "observed": 0}


def test_a_status_has_these_keys(status: dict):
    assert set(status) == STATUS
    assert set(status["hosts"][0]) == HOST


@pytest.mark.parametrize(
    ("kind", "keys"),
    [(Check, CHECK), (Step, STEP), (Problem, PROBLEM), (HostStatus, HOST)],
    ids=lambda value: str(value)[:20],
)
def test_nothing_else_is_recorded(kind: type, keys: set[str]):
    assert {entry.name for entry in fields(kind)} == keys
