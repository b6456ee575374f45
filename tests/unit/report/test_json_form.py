"""A run as JSON, in a file or on the standard output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.errors import InvalidInput
from lab.report import json_form
from lab.results import Problem, RunResult

RESULT = RunResult("unit", "lab up", 3, 1.0, 0, problems=(Problem(3, "kein Gerät", host="manager"),))


def test_a_file_holds_the_result(tmp_path: Path):
    json_form.write(RESULT, str(tmp_path / "result.json"))
    text = (tmp_path / "result.json").read_text()
    assert json.loads(text) == json.loads(json.dumps(RESULT.to_json()))
    assert "kein Gerät" in text
    assert text.endswith("}\n")


def test_a_dash_means_the_standard_output(capsys: pytest.CaptureFixture[str]):
    json_form.write(RESULT, "-")
    assert json.loads(capsys.readouterr().out)["exit_code"] == 3


@pytest.mark.parametrize("where", ["nowhere/result.json", ""])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, where: str):
    with pytest.raises(InvalidInput, match="cannot write"):
        json_form.write(RESULT, f"{tmp_path}/{where}")
