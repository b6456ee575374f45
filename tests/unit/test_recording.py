"""From events to a run's result."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from lab.errors import ClaimFailed, HostUnreachable, InvalidInput, LabError, LabHeld, MachineLacks
from lab.recording import Recording
from lab.results import RunResult, judge
from lab.runner import Ending, Event

WELL = Ending(0, False, "")
BADLY = Ending(2, False, "")


def result_of(*events: Event, ending: Ending = WELL) -> RunResult:
    """Return what the events amount to."""
    recording = Recording("unit", "lab up")
    for event in events:
        recording.add(event)
    return recording.result(ending)


def ok(action: str = "lab.swarm.network", item: bool = False, **result: object) -> Event:
    return Event("ok", "Create the overlay", "cross_host_ping", "manager", action, 0.5, result, item=item)


def claims(*verdicts: bool) -> list[dict]:
    return [asdict(judge(f"s.{n}", "It holds", expected=True, observed=holds)) for n, holds in enumerate(verdicts)]


def failed(error: LabError) -> Event:
    told = {"code": error.code, "message": error.message, "hint": error.hint, "host": "manager", "problems": []}
    return Event("failed", "Create the overlay", "cross_host_ping", "manager", result={"lab_error": told})


def test_a_run_of_which_nothing_failed_ends_with_0():
    assert result_of(ok(), ok(claims=claims(True))).exit_code == 0


def test_a_claim_that_failed_ends_it_with_1():
    assert result_of(ok(claims=claims(True, False, True))).exit_code == 1


@pytest.mark.parametrize("kind", [ClaimFailed, InvalidInput, MachineLacks, HostUnreachable, LabHeld])
def test_an_error_ends_it_with_the_code_of_its_kind(kind: type[LabError]):
    result = result_of(failed(kind("what happened", hint="what next")), ending=BADLY)
    assert result.exit_code == kind.code
    assert [(p.message, p.hint, p.host) for p in result.problems] == [("what happened", "what next", "manager")]


def test_a_host_that_ansible_cannot_reach_ends_it_with_4():
    lost = Event("unreachable", host="worker-1", result={"msg": "timed out"})
    result = result_of(lost, ending=Ending(4, False, ""))
    assert (result.exit_code, result.problems[0].host, result.problems[0].message) == (4, "worker-1", "timed out")


def test_an_interruption_ends_it_with_130_whatever_else_happened():
    result = result_of(failed(MachineLacks("no nft")), ending=Ending(254, True, ""))
    assert result.exit_code == 130


def test_an_interruption_alone_is_no_problem():
    assert result_of(ok(), ending=Ending(254, True, "")).problems == ()


def test_the_message_of_a_foreign_module_is_kept():
    broken = Event("failed", "Install", host="manager", result={"msg": "No package matching"})
    result = result_of(broken, ending=BADLY)
    assert (result.exit_code, result.problems[0].message) == (1, "No package matching")


def test_a_failure_without_a_message_names_its_task():
    result = result_of(Event("failed", "Install", host="manager"), ending=BADLY)
    assert "Install" in result.problems[0].message


def test_every_problem_of_wrong_input_is_in_the_message():
    told = {"code": 2, "message": "two problems", "hint": "", "host": "", "problems": ["first", "second"]}
    result = result_of(Event("failed", result={"lab_error": told}), ending=BADLY)
    assert result.problems[0].message.splitlines() == ["two problems", "  first", "  second"]


def test_the_error_of_a_loop_is_that_of_its_failed_item():
    told = {"code": 3, "message": "no nginx", "hint": "install it", "host": "manager", "problems": []}
    loop = Event("failed", result={"msg": "One or more items failed", "results": [{}, {"lab_error": told}]})
    assert result_of(loop, ending=BADLY).exit_code == 3


def test_items_of_a_loop_are_not_counted_beside_their_loop():
    result = result_of(ok(item=True, changed=True), ok(item=True, changed=True), ok(changed=True))
    assert (result.changed, len(result.steps)) == (1, 1)


@pytest.mark.parametrize(("code", "exit_code"), [(1, 1), (2, 2), (3, 3), (5, 5), (250, 1)])
def test_an_ending_of_which_nothing_was_told_keeps_what_ansible_printed(code: int, exit_code: int):
    result = result_of(ending=Ending(code, False, "\n[ERROR]: lab 'unit' is held by pid 7\n"))
    assert result.exit_code == exit_code
    assert [problem.message for problem in result.problems] == ["lab 'unit' is held by pid 7"]


def test_an_ending_without_a_word_still_is_a_problem():
    assert "250" in result_of(ending=Ending(250, False, "")).problems[0].message


def test_a_step_has_the_docker_command_and_its_output():
    (step,) = result_of(ok(changed=True, command="docker network create x", output="f00", host="worker-1")).steps
    assert (step.name, step.role, step.host) == ("Create the overlay", "cross_host_ping", "worker-1")
    assert (step.changed, step.took_s, step.command, step.output) == (True, 0.5, "docker network create x", "f00")


def test_the_step_of_a_loop_has_the_commands_of_all_items():
    items = [{"command": "docker rm a", "output": "a"}, {"command": "docker rm b", "output": "b"}]
    (step,) = result_of(ok(results=items)).steps
    assert (step.command, step.output) == ("docker rm a\ndocker rm b", "a\nb")


def test_what_is_not_about_the_lab_is_no_step():
    assert result_of(ok(action="ansible.builtin.debug")).steps == ()


def test_claims_nodes_pings_and_images_are_collected():
    images = {"source": "debian", "made_of": "recipe 1"}
    result = result_of(
        ok(nodes=[{"hostname": "manager"}]),
        ok(nodes=[{"hostname": "manager"}, {"hostname": "worker-1"}]),
        ok(pings=[{"source": "manager"}], claims=claims(True)),
        ok(pings=[{"source": "worker-1"}], claims=claims(False)),
        ok(action="lab.swarm.image_archive", images=images),
    )
    assert [node["hostname"] for node in result.nodes] == ["manager", "worker-1"]
    assert [ping["source"] for ping in result.pings] == ["manager", "worker-1"]
    assert [claim.verdict for claim in result.claims] == ["pass", "fail"]
    assert result.images == images


def test_claims_that_were_judged_in_a_loop_count_too():
    assert result_of(ok(action="lab.swarm.claim", results=[{"claims": claims(False)}])).exit_code == 1


def test_the_parts_are_the_roles_in_the_order_of_their_start():
    order = ["lab_host", "swarm", "lab_host", "cross_host_ping"]
    result = result_of(*(Event("task", role=role) for role in order))
    assert list(result.parts) == ["lab_host", "swarm", "cross_host_ping"]
    assert all(took >= 0 for took in result.parts.values())
