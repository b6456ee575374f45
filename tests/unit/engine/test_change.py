"""Changes, and commands as a person would type them."""

from __future__ import annotations

import shlex

import pytest

from lab.engine.change import Change, command_line


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [({}, {}, False), ({"a": 1}, {"a": 1}, False), ({}, {"a": 1}, True), ({"a": 1}, {"a": 2}, True)],
)
def test_a_change_is_a_difference(before: dict, after: dict, changed: bool):
    assert Change(before, after, actions=("whatever",)).changed is changed


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("docker", "ps"), "docker ps"),
        (("docker", "", "ps", ""), "docker ps"),
        (("sh", "-c", "echo $HOME; exit"), "sh -c 'echo $HOME; exit'"),
        (("echo", "it's"), """echo 'it'"'"'s'"""),
    ],
)
def test_a_command_can_be_pasted_into_a_shell(words: tuple[str, ...], line: str):
    assert command_line(*words) == line
    assert shlex.split(line) == [word for word in words if word]
