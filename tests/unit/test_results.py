"""Verdicts on claims, and what they add up to."""

from __future__ import annotations

import json

import pytest

from lab.results import Check, Problem, RunResult, Step, judge


@pytest.mark.parametrize(
    ("observed", "options", "verdict"),
    [
        (["a"], {}, "pass"),
        (["b"], {}, "fail"),
        (None, {}, "fail"),
        (["a"], {"skip": "the kernel lacks ESP"}, "skip"),
        (["b"], {"skip": "the kernel lacks ESP"}, "skip"),
        (["a"], {"record_only": True}, "observed"),
        (["b"], {"record_only": True}, "observed"),
        (["b"], {"record_only": True, "skip": "the kernel lacks ESP"}, "skip"),
    ],
)
def test_the_verdict_follows_from_expected_and_observed(observed: object, options: dict, verdict: str):
    assert judge("stage.claim", "It holds", expected=["a"], observed=observed, **options).verdict == verdict


def test_a_skipped_claim_says_why():
    assert judge("stage.claim", "It holds", expected=1, observed=2, skip="no ESP").reason == "no ESP"


def test_waiting_times_are_rounded_to_milliseconds():
    assert judge("stage.claim", "It holds", expected=1, observed=1, waited_s=1.23456).waited_s == 1.235


def test_the_summary_counts_every_verdict():
    claims = [Check(str(n), "", verdict, 1, 1) for n, verdict in enumerate(["pass", "pass", "fail", "skip"])]
    result = RunResult("lab", "lab verify", 1, 1.0, 0, claims=claims)
    assert result.summary() == {"pass": 2, "fail": 1, "skip": 1, "observed": 0}


def test_the_json_form_survives_being_written_and_read():
    result = RunResult(
        "lab",
        "lab up",
        4,
        1.5,
        2,
        parts={"swarm": 0.5},
        steps=(Step("Join", "swarm", "worker-1", True, 0.25, "docker swarm join", "joined"),),
        claims=(judge("stage.claim", "It holds", expected={"a": 1}, observed={"a": 1}),),
        problems=(Problem(4, "no answer", "lab up", "worker-1"),),
    )
    read = json.loads(json.dumps(result.to_json()))
    assert read["steps"][0]["command"] == "docker swarm join"
    assert read["claims"][0]["observed"] == {"a": 1}
    assert read["problems"] == [{"code": 4, "message": "no answer", "hint": "lab up", "host": "worker-1"}]
    assert read["summary"]["pass"] == 1
