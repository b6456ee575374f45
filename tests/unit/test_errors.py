"""Errors: one line for a person, one exit code for a program."""

from __future__ import annotations

import pytest

from lab.errors import ClaimFailed, HostUnreachable, InvalidInput, LabError, LabHeld, MachineLacks

CODES = {ClaimFailed: 1, InvalidInput: 2, MachineLacks: 3, HostUnreachable: 4, LabHeld: 5}


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_each_kind_has_its_exit_code(kind: type[LabError], code: int):
    assert kind("what happened").code == code


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (LabError("no answer"), "no answer"),
        (LabError("no answer", host="worker-1"), "worker-1: no answer"),
        (LabError("no answer", hint="lab up"), "no answer (lab up)"),
        (HostUnreachable("no answer", hint="lab up", host="worker-1"), "worker-1: no answer (lab up)"),
        (InvalidInput("two problems", problems=("first", "second"), hint="see above"), "two problems (see above)"),
    ],
)
def test_an_error_reads_as_host_message_hint(error: LabError, line: str):
    assert str(error) == line


def test_wrong_input_keeps_every_problem():
    assert InvalidInput("two problems", problems=("first", "second")).problems == ("first", "second")
