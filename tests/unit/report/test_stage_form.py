"""The list of stages."""

from __future__ import annotations

import json

import pytest

from lab.project import project
from lab.report import stage_form
from lab.stages import Claim, Stage, stages
from lab.texts import catalogue

EN, JA = catalogue("en"), catalogue("ja")
STAGES = [
    Stage("create-swarm", "Create the swarm", "Part [one]", (), "17.03", "", ("Open [the] ports",), ()),
    Stage(
        "two", "Second", "Two", ("create-swarm",), "17.06", "A [x] note", (), (Claim("two.holds", "It [b]holds[/b]"),)
    ),
]


def test_the_text_names_stages_needs_steps_and_claims(capsys: pytest.CaptureFixture[str]):
    stage_form.show(STAGES, as_json=False, words=EN)
    text = capsys.readouterr().out
    for words in ("create-swarm  Create the swarm", "needs nothing", "needs create-swarm", "17.06 or newer"):
        assert words in text
    for letter_for_letter in ("Part [one]", "- Open [the] ports", "two.holds  It [b]holds[/b]", "  A [x] note"):
        assert letter_for_letter in text


def test_the_json_has_the_same(capsys: pytest.CaptureFixture[str]):
    stage_form.show(STAGES, as_json=True, words=JA)
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == 1
    assert [stage["name"] for stage in told["stages"]] == ["create-swarm", "two"]
    assert told["stages"][1]["claims"][0]["id"] == "two.holds"
    assert told["stages"][1]["claims"][0]["title"] == "It [b]holds[/b]"


def test_the_text_is_in_the_language_of_the_words(capsys: pytest.CaptureFixture[str]):
    stage_form.show(stages(project()), as_json=False, words=JA)
    lines = capsys.readouterr().out.splitlines()
    assert "default-overlay  デフォルトのオーバーレイネットワーク利用" in lines
    assert "  - マネージャーで、オーバーレイネットワーク nginx-net を生成します" in lines
    assert "  default-overlay.all-running  すべてのレプリカが稼働しています" in lines
    assert f"  {JA.stage_note('container-and-service')}" in lines
    assert any("前提: create-swarm; Engine 17.06 以降" in line for line in lines)


def test_the_json_is_english_in_any_language(capsys: pytest.CaptureFixture[str]):
    told = []
    for words in (EN, JA):
        stage_form.show(STAGES, as_json=True, words=words)
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
