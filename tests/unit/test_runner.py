"""From ansible-runner's events to ours."""

from __future__ import annotations

import pytest

from lab.runner import Event, parse


def raw(event: str, stdout: str = "", **data: object) -> dict:
    """Return an event in the form of ansible-runner."""
    return {"event": event, "stdout": stdout, "event_data": data}


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("playbook_on_task_start", "task"),
        ("runner_on_start", "start"),
        ("runner_on_ok", "ok"),
        ("runner_on_failed", "failed"),
        ("runner_on_unreachable", "unreachable"),
        ("runner_on_skipped", "skipped"),
        ("playbook_on_stats", "stats"),
    ],
)
def test_an_event_of_ansible_has_a_kind(event: str, kind: str):
    assert parse(raw(event)).kind == kind


@pytest.mark.parametrize("event", ["playbook_on_start", "playbook_on_play_start", "runner_retry", "something_new"])
def test_other_events_say_nothing(event: str):
    assert parse(raw(event)) is None


@pytest.mark.parametrize("event", ["verbose", "warning", "error"])
def test_text_is_kept_as_it_was_printed(event: str):
    assert parse(raw(event, "ERROR! no such file")) == Event("text", text="ERROR! no such file")


def test_a_result_comes_with_task_role_host_action_and_time():
    data = {"task": "Join", "role": "swarm", "host": "worker-1", "task_action": "lab.swarm.swarm", "duration": 0.25}
    event = parse(raw("runner_on_ok", "ok: [worker-1]", res={"changed": True}, **data))
    assert event == Event("ok", "Join", "swarm", "worker-1", "lab.swarm.swarm", 0.25, {"changed": True})


@pytest.mark.parametrize(("event", "item"), [("runner_on_ok", False), ("runner_item_on_ok", True)])
def test_an_item_of_a_loop_is_told_from_the_whole(event: str, item: bool):
    assert parse(raw(event)).item is item


@pytest.mark.parametrize("data", [None, {}, {"duration": None, "res": None}])
def test_what_is_not_told_is_empty(data: dict | None):
    assert parse({"event": "runner_on_ok", "event_data": data}) == Event("ok")
