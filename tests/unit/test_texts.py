"""The texts for learners: which language, and whether every catalogue is complete."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab import texts
from lab.errors import InvalidInput
from lab.project import project
from lab.stages import stages

STAGES = stages(project())
LAB = Path(texts.__file__).parent
STAGE, STEP = "default-overlay", "On every host, inspect nginx-net"
each_language = pytest.mark.parametrize("language", texts.languages())
each_translation = pytest.mark.parametrize("language", [one for one in texts.languages() if one != texts.ENGLISH])


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def wanted(language: str) -> set[tuple[str, ...]]:
    """Return the paths of all texts that a catalogue should have about the stages."""
    whys = {("stages", one.name, "steps", step, "why") for one in STAGES for step in one.steps}
    if language == texts.ENGLISH:
        return whys
    titles = {("stages", one.name, "title") for one in STAGES}
    notes = {("stages", one.name, "note") for one in STAGES if one.note}
    steps = {("stages", one.name, "steps", step, "title") for one in STAGES for step in one.steps}
    claims = {("stages", one.name, "claims", claim.id) for one in STAGES for claim in one.claims}
    return whys | titles | notes | steps | claims


@each_language
def test_a_catalogue_has_every_stage_step_and_claim_and_nothing_else(language: str):
    has = {path for path in texts.read(language) if path[0] == "stages"}
    assert (sorted(wanted(language) - has), sorted(has - wanted(language))) == ([], [])


@each_language
def test_a_catalogue_has_every_text_of_the_program_and_every_verdict_with_the_same_values(language: str):
    english, own = texts.read(texts.ENGLISH), texts.read(language)
    assert {path for path in own if path[0] != "stages"} == {path for path in english if path[0] != "stages"}
    assert [path for path in english if path in own and placeholders(english[path]) != placeholders(own[path])] == []


def test_the_catalogues_have_the_texts_that_the_program_asks_for_and_no_others():
    sources = [*LAB.rglob("*.py"), *LAB.rglob("*.j2")]
    asked = {key for path in sources for key in re.findall(r"\.ui\(\s*[\"'](\w+)", path.read_text())}
    assert asked == {path[1] for path in texts.read(texts.ENGLISH) if path[0] == "ui"}


def test_there_is_a_word_for_each_verdict():
    assert {path[1] for path in texts.read(texts.ENGLISH) if path[0] == "verdicts"} == {
        "pass",
        "fail",
        "skip",
        "observed",
    }


@each_language
def test_no_text_is_empty_or_broken(language: str):
    assert [path for path, text in texts.read(language).items() if not text or text != text.strip()] == []
    assert [path for path, text in texts.read(language).items() if "\n" in text or "  " in text] == []


@each_translation
def test_a_translation_is_one(language: str):
    english, own = texts.read(texts.ENGLISH), texts.read(language)
    assert [path for path in own if path[0] == "stages" and own[path] == english.get(path, path[-2])] == []


@pytest.mark.parametrize(
    ("asked", "environment", "language"),
    [
        ("", {}, "en"),
        ("", {"LANG": "ja_JP.UTF-8"}, "ja"),
        ("", {"LANG": "ja"}, "ja"),
        ("", {"LANG": "ja_JP@mod"}, "ja"),
        ("", {"LANG": "C.UTF-8"}, "en"),
        ("", {"LANG": "POSIX"}, "en"),
        ("", {"LANG": "xx_YY.UTF-8"}, "en"),
        ("", {"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}, "en"),
        ("", {"LC_ALL": "", "LC_MESSAGES": "ja_JP.UTF-8", "LANG": "C"}, "ja"),
        ("", {"LC_MESSAGES": "en_GB.UTF-8", "LANG": "ja_JP.UTF-8"}, "en"),
        ("", {"LC_CTYPE": "ja_JP.UTF-8"}, "en"),
        ("ja", {"LC_ALL": "C"}, "ja"),
        ("en", {"LANG": "ja_JP.UTF-8"}, "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_that_of_the_locale(
    asked: str, environment: Mapping[str, str], language: str
):
    assert texts.choose(asked, environment) == language


@pytest.mark.parametrize("asked", ["xx", "JA", "../ja"])
def test_an_unknown_language_is_answered_with_the_known_ones(asked: str):
    with pytest.raises(InvalidInput, match="no texts in the language") as raised:
        texts.choose(asked, {"LANG": "ja_JP.UTF-8"})
    assert "en, ja" in str(raised.value)


def test_another_language_is_one_more_file_and_what_it_lacks_is_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for path in texts.CATALOGUES.glob("*.yml"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "eo.yml").write_text(f'ui: {{step: "Paŝo {{number}}"}}\nstages: {{{STAGE}: {{title: Tegmento}}}}\n')
    monkeypatch.setattr(texts, "CATALOGUES", tmp_path)
    assert texts.choose("", {"LANG": "eo"}) == "eo"
    words, english = texts.catalogue("eo"), texts.catalogue("en")
    assert words.language == "eo"
    assert words.ui("step", number=3, total=5) == "Paŝo 3"
    assert words.ui("shell", host="manager") == english.ui("shell", host="manager")
    assert words.stage_title(STAGE) == "Tegmento"
    assert words.step_title(STAGE, STEP) == STEP
    assert words.step_why(STAGE, STEP) == english.step_why(STAGE, STEP)
    assert words.verdict("pass") == "pass"


def test_english_titles_and_notes_are_those_of_the_roles():
    words = texts.catalogue("en")
    for one in STAGES:
        assert words.stage_title(one.name) == one.title
        assert words.stage_note(one.name) == one.note
        assert [words.step_title(one.name, step) for step in one.steps] == list(one.steps)
        assert [words.claim_title(claim.id) for claim in one.claims] == [claim.title for claim in one.claims]


def test_a_translation_comes_before_the_english_that_is_at_hand():
    words = texts.catalogue("ja")
    claim = STAGES[0].claims[0]
    assert words.claim_title(claim.id, claim.title) != claim.title
    assert words.stage_title(STAGES[0].name, STAGES[0].title) != STAGES[0].title
    assert words.step_title(STAGE, STEP) != STEP
    assert words.verdict("pass") == "合格"


def test_what_nobody_knows_is_called_by_its_own_name():
    words = texts.catalogue("ja")
    assert (words.stage_title("lab up"), words.stage_note("lab up")) == ("lab up", "")
    assert (words.step_title("x", "Do it"), words.step_why("x", "Do it")) == ("Do it", "")
    assert (words.claim_title("x.y"), words.claim_title("x.y", "It holds")) == ("x.y", "It holds")
