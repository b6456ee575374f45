"""The list of stages."""

from __future__ import annotations

import json

import pytest

from lab.report import stage_form
from lab.stages import Claim, Stage

STAGES = [
    Stage("create-swarm", "Create the swarm", "Part [one]", (), "17.03", ("Open [the] ports",), ()),
    Stage("two", "Second", "Part two", ("create-swarm",), "17.06", (), (Claim("two.holds", "It [b]holds[/b]"),)),
]


def test_the_text_names_stages_needs_steps_and_claims(capsys: pytest.CaptureFixture[str]):
    stage_form.show(STAGES, as_json=False)
    text = capsys.readouterr().out
    for words in ("create-swarm  Create the swarm", "needs nothing", "needs create-swarm", "17.06 or newer"):
        assert words in text
    for letter_for_letter in ("Part [one]", "- Open [the] ports", "two.holds  It [b]holds[/b]"):
        assert letter_for_letter in text


def test_the_json_has_the_same(capsys: pytest.CaptureFixture[str]):
    stage_form.show(STAGES, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == 1
    assert [stage["name"] for stage in told["stages"]] == ["create-swarm", "two"]
    assert told["stages"][1]["claims"] == [{"id": "two.holds", "title": "It [b]holds[/b]"}]
