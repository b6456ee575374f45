"""The stages, read from their roles."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lab.errors import InvalidInput
from lab.project import Project, project
from lab.stages import Stage, stage, stages

STAGES = stages(project())
each_stage = pytest.mark.parametrize("one", STAGES, ids=lambda one: one.name)


def test_there_is_a_stage_for_each_role_of_that_name():
    roles = {path.name for path in project().roles.glob("stage_*")}
    assert {f"stage_{one.name.replace('-', '_')}" for one in STAGES} == roles


def test_the_swarm_is_created_first():
    assert STAGES[0].name == "create-swarm"


def test_claim_ids_are_unique():
    assert [
        name for name, times in Counter(claim.id for one in STAGES for claim in one.claims).items() if times > 1
    ] == []


@each_stage
def test_claim_ids_begin_with_the_name_of_their_stage(one: Stage):
    assert [claim.id for claim in one.claims if not claim.id.startswith(f"{one.name}.")] == []


@each_stage
def test_every_stage_claims_something_and_says_what(one: Stage):
    assert one.claims
    assert all(claim.title and not claim.title.startswith("Verify") for claim in one.claims)


@each_stage
def test_every_stage_has_steps_with_names(one: Stage):
    assert one.steps
    assert all(step.strip() and "{{" not in step for step in one.steps)


@each_stage
def test_every_stage_says_what_it_is_about(one: Stage):
    assert one.title
    assert one.tutorial
    assert one.engine.count(".") == 1


@each_stage
def test_a_stage_needs_only_stages_that_come_before_it(one: Stage):
    names = [other.name for other in STAGES]
    assert all(names.index(need) < names.index(one.name) for need in one.needs)


def test_a_stage_is_found_by_its_name():
    assert stage(project(), "create-swarm") == STAGES[0]


def test_an_unknown_stage_is_answered_with_the_nearest_name():
    with pytest.raises(InvalidInput, match="no stage 'create-swram'") as raised:
        stage(project(), "create-swram")
    assert raised.value.hint.startswith("did you mean create-swarm")


def test_a_name_like_nothing_is_answered_with_all_names():
    with pytest.raises(InvalidInput) as raised:
        stage(project(), "???")
    assert all(one.name in raised.value.hint for one in STAGES)


def test_steps_are_found_inside_blocks_in_their_order(tmp_path: Path):
    role = tmp_path / "roles" / "stage_two_words"
    (role / "meta").mkdir(parents=True)
    (role / "tasks").mkdir()
    (role / "meta" / "stage.yml").write_text("{order: 1, title: T, tutorial: U, needs: [], engine: 17.06}")
    (role / "tasks" / "walk.yml").write_text(
        "- name: First\n"
        "- name: Around\n"
        "  block:\n"
        "    - name: Second\n"
        "    - name: Verify | It holds\n"
        "      lab.swarm.claim: {id: two-words.holds}\n"
        "  always:\n"
        "    - name: Third\n"
    )
    (found,) = stages(Project(tmp_path, tmp_path))
    assert found.name == "two-words"
    assert found.engine == "17.06"
    assert found.steps == ("First", "Second", "Third")
    assert [(claim.id, claim.title) for claim in found.claims] == [("two-words.holds", "It holds")]
