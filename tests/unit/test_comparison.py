"""Results files side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.comparison import NOT_JUDGED, compare, names, read
from lab.errors import InvalidInput
from lab.report import comparison_form
from lab.results import RunResult, judge


def written(path: Path, **verdicts: str) -> Path:
    """Write the results of a run whose claims ``stage.NAME`` have these verdicts."""
    claims = [
        judge(
            f"stage.{name}",
            f"Claim {name}",
            expected=1,
            observed=0 if verdict == "fail" else 1,
            skip="no IPVS [here]" if verdict == "skip" else "",
            record_only=verdict == "observed",
        )
        for name, verdict in verdicts.items()
    ]
    path.write_text(json.dumps(RunResult("lab", "lab stage", 0, 1.0, 0, claims=claims).to_json()))
    return path


def test_claims_stand_in_the_order_of_the_runs_and_say_where_they_differ(tmp_path: Path):
    one = written(tmp_path / "namespaces.json", mesh="skip", ping="pass")
    two = written(tmp_path / "machines.json", mesh="pass", ping="pass", more="fail")
    found = compare([one, two])
    assert list(found.runs) == ["namespaces", "machines"]
    assert [(row.id, list(row.verdicts), row.differs) for row in found.rows] == [
        ("stage.mesh", ["skip", "pass"], True),
        ("stage.ping", ["pass", "pass"], False),
        ("stage.more", [NOT_JUDGED, "fail"], True),
    ]
    assert found.rows[0].reasons == {"namespaces": "no IPVS [here]"}


def test_the_table_has_a_column_a_run_and_the_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one = written(tmp_path / "a.json", mesh="skip", ping="pass")
    two = written(tmp_path / "b.json", mesh="pass", ping="pass")
    comparison_form.show(compare([one, two]), as_json=False)
    shown = capsys.readouterr().out
    assert ["stage.mesh", "skip", "pass", "differs"] in [line.split() for line in shown.splitlines()]
    assert "stage.mesh, a: no IPVS [here]" in shown
    assert "2 claims, 1 differ" in shown
    comparison_form.show(compare([one, two]), as_json=False, only_differences=True)
    assert "stage.ping" not in capsys.readouterr().out


def test_as_json_every_claim_has_its_verdict_by_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one, two = written(tmp_path / "a.json", ping="pass"), written(tmp_path / "b.json", ping="fail")
    comparison_form.show(compare([one, two]), as_json=True)
    (claim,) = json.loads(capsys.readouterr().out)["claims"]
    assert claim["verdicts"] == {"a": "pass", "b": "fail"}
    assert claim["differs"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON"),
        ("[]", "holds no results"),
        ('{"claims": 1}', "holds no results"),
        ('{"schema": 99, "claims": []}', "has form 99"),
    ],
)
def test_what_is_no_results_file_is_refused(tmp_path: Path, text: str, words: str):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InvalidInput, match=words):
        read(tmp_path / "a.json")


def test_a_missing_file_and_a_single_one_are_refused(tmp_path: Path):
    with pytest.raises(InvalidInput, match="No such file"):
        read(tmp_path / "none.json")
    with pytest.raises(InvalidInput, match="two results files"):
        compare([written(tmp_path / "a.json", ping="pass")])


def test_files_of_one_name_are_told_apart_by_their_paths():
    assert names([Path("a/run.json"), Path("b/run.json"), Path("c.json")]) == ["a/run.json", "b/run.json", "c"]
