"""A run as JUnit XML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from lab.errors import InvalidInput
from lab.report import junit_form
from lab.results import Problem, RunResult, StageResult, judge

PASSED = judge("default-overlay.all-running", "All replicas run", expected="5 of 5", observed="5 of 5", waited_s=1.5)
FAILED = judge("default-overlay.peers", "Peers", expected=["a"], observed=["b\x1b[31m"], evidence={"seen": "<&>"})
SKIPPED = judge("default-overlay.mesh-spreads", "Spread", expected=1, observed=None, skip="no IPVS")
SEEN = judge("default-overlay.unused", "Whether it stays", expected="", observed=["worker-1"], record_only=True)
LOST = Problem(4, "no \x00answer", "lab up", "worker-1")
MISSING = "default-overlay.nothing-left"
BROKEN = StageResult("default-overlay", 12.5, (PASSED, FAILED, SKIPPED, SEEN), (LOST,), (MISSING,))
WALKED = StageResult("user-defined-overlay", 3.0, (replace(PASSED, id="user-defined-overlay.running"),))
CASE_CONTENT = {"failure", "error", "skipped", "system-out"}


def run(*stages: StageResult) -> RunResult:
    claims = [claim for stage in stages for claim in stage.claims]
    problems = [problem for stage in stages for problem in stage.problems]
    return RunResult("unit", "lab stage run", 1, 20.0, 1, claims=claims, problems=problems, stages=stages)


def parsed(result: RunResult) -> Element:
    """Return a result's XML, read back, once it has the form that readers of JUnit XML ask for."""
    root = fromstring(junit_form.text(result).encode())
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert set(suite.keys()) == {"name", "tests", "failures", "errors", "skipped", "time"}
        assert suite.get("tests") == str(len(suite))
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(kind) == str(len(suite.findall(f"testcase/{tag}")))
        for case in suite:
            assert case.tag == "testcase"
            assert set(case.keys()) == {"classname", "name", "time"}
            assert all(case.attrib.values())
            assert float(case.get("time", "")) >= 0
            assert [content.tag for content in case if content.tag not in CASE_CONTENT] == []
            assert len(case) <= 1
    for kind in ("tests", "failures", "errors", "skipped"):
        assert root.get(kind) == str(sum(int(suite.get(kind, "")) for suite in root))
    return root


def case(root: Element, name: str) -> Element:
    (found,) = [one for one in root.iter("testcase") if one.get("name", "").startswith(name)]
    return found


def test_a_stage_is_a_suite_and_a_claim_is_a_case():
    root = parsed(run(BROKEN, WALKED))
    assert [suite.get("name") for suite in root] == ["default-overlay", "user-defined-overlay"]
    assert [suite.get("time") for suite in root] == ["12.500", "3.000"]
    passed = case(root, "all-running")
    assert passed.attrib == {
        "classname": "default-overlay",
        "name": "all-running: All replicas run",
        "time": "1.500",
    }
    assert len(passed) == 0


def test_a_stage_that_was_walked_twice_is_two_suites():
    assert [suite.get("name") for suite in parsed(run(WALKED, WALKED))] == ["user-defined-overlay"] * 2


def test_a_claim_that_failed_is_a_failure_with_what_was_expected_and_seen():
    failure = case(parsed(run(BROKEN)), "peers").find("failure")
    assert failure is not None
    assert failure.get("message", "").startswith("expected ['a'], observed ['b")
    assert (failure.text or "").splitlines()[0] == 'expected: ["a"]'
    assert 'evidence: {"seen": "<&>"}' in (failure.text or "")


def test_a_claim_that_was_skipped_has_its_reason():
    skipped = case(parsed(run(BROKEN)), "mesh-spreads").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "no IPVS"


def test_a_claim_that_was_observed_has_passed_and_tells_what_was_seen():
    seen = case(parsed(run(BROKEN)), "unused")
    assert [content.tag for content in seen] == ["system-out"]
    assert seen[0].text == 'observed: ["worker-1"]'


def test_a_claim_that_was_not_judged_is_an_error_under_the_name_that_it_always_has():
    found = case(parsed(run(BROKEN)), "nothing-left: Neither network")
    assert found.get("classname") == "default-overlay"
    assert found[0].tag == "error"
    assert found[0].get("message") == "not judged: worker-1: no answer (lab up)"


def test_not_judged_without_a_problem_is_an_error_too():
    found = case(parsed(run(replace(BROKEN, problems=()))), "nothing-left")
    assert found[0].get("message") == "not judged"


def test_a_problem_where_all_was_judged_is_a_case_of_its_own():
    found = case(parsed(run(replace(BROKEN, unjudged=()))), "stage")
    assert found.get("classname") == "default-overlay"
    assert found[0].tag == "error"
    assert found[0].text == "worker-1: no answer (lab up)"


def test_without_stages_the_run_is_the_suite():
    bare = RunResult("unit", "lab verify", 1, 2.0, 0, claims=(PASSED, FAILED), problems=(Problem(1, "1 claim failed"),))
    (suite,) = parsed(bare)
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("lab verify", "2", "1")


def test_a_run_that_came_to_nothing_tells_its_problem():
    found = case(parsed(RunResult("unit", "lab up", 3, 2.0, 0, problems=(LOST,))), "run")
    assert found[0].get("message") == "worker-1: no answer (lab up)"


def test_what_belongs_to_no_stage_is_told_all_the_same():
    with_more = replace(run(WALKED), claims=(*WALKED.claims, FAILED), problems=(LOST,))
    assert [suite.get("name") for suite in parsed(with_more)] == ["user-defined-overlay", "lab stage run"]
    assert len(parsed(with_more)[1]) == 2


def test_nothing_that_xml_forbids_is_left():
    text = junit_form.text(run(BROKEN))
    assert [letter for letter in text if ord(letter) < 32 and letter != "\n"] == []
    assert "[31m" not in text.partition("<failure")[2].partition(">")[0]


def test_a_file_or_the_standard_output_holds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    junit_form.write(run(WALKED), str(tmp_path / "result.xml"))
    junit_form.write(run(WALKED), "-")
    written = (tmp_path / "result.xml").read_text(encoding="utf-8")
    assert written == capsys.readouterr().out == junit_form.text(run(WALKED))
    assert written.startswith('<?xml version="1.0" encoding="utf-8"?>\n<testsuites')


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    with pytest.raises(InvalidInput, match="cannot write"):
        junit_form.write(run(WALKED), str(tmp_path / "nowhere" / "result.xml"))
