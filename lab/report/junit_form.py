"""A run as JUnit XML, in the dialect that Jenkins and pytest speak: a suite for each stage, a case for each claim."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from lab.report import place
from lab.report.parts import parts, told
from lab.report.plain import plain, plain_value
from lab.results import Check, RunResult, StageResult
from lab.texts import ENGLISH, catalogue

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'


@dataclass(frozen=True)
class _Case:
    """A test case: what it is called, how long it took, and what came of it (passed where there is no ``outcome``)."""

    suite: str
    name: str
    time_s: float = 0.0
    outcome: Literal["", "failure", "skipped", "error", "system-out"] = ""
    message: str = ""
    body: str = ""


def write(result: RunResult, where: str) -> None:
    """Write a result's XML into a file, or to the standard output where ``where`` is ``-``; raises InvalidInput."""
    place.write(text(result), where)


def text(result: RunResult) -> str:
    """Return a result as JUnit XML; times are seconds."""
    root = Element("testsuites", name=plain(result.command))
    for part in parts(result):
        _add_suite(root, part, "stage" if part in result.stages else "run")
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", _seconds(result.took_s))
    indent(root)
    return _DECLARATION + tostring(root, encoding="unicode") + "\n"


def _add_suite(root: Element, part: StageResult, whole: str) -> None:
    cases = [*map(_judged, part.claims), *_not_judged(part, whole)]
    outcomes = [case.outcome for case in cases]
    suite = SubElement(
        root,
        "testsuite",
        name=plain(part.name),
        tests=str(len(cases)),
        failures=str(outcomes.count("failure")),
        errors=str(outcomes.count("error")),
        skipped=str(outcomes.count("skipped")),
        time=_seconds(part.took_s),
    )
    for case in cases:
        _add_case(suite, case)


def _judged(claim: Check) -> _Case:
    suite, name = _names(claim.id, claim.title)
    if claim.verdict == "fail":
        seen = {"expected": claim.expected, "observed": claim.observed, "evidence": claim.evidence}
        body = "\n".join(f"{what}: {_shown(value)}" for what, value in seen.items())
        message = f"expected {plain_value(claim.expected)}, observed {plain_value(claim.observed)}"
        return _Case(suite, name, claim.waited_s, "failure", message, body)
    if claim.verdict == "skip":
        return _Case(suite, name, claim.waited_s, "skipped", claim.reason)
    if claim.verdict == "observed":
        return _Case(suite, name, claim.waited_s, "system-out", body=f"observed: {_shown(claim.observed)}")
    return _Case(suite, name, claim.waited_s)


def _not_judged(part: StageResult, whole: str) -> Iterator[_Case]:
    """Yield a case for each claim that was not come to, or one named ``whole`` where something else went wrong."""
    problems = [told(problem) for problem in part.problems]
    for claim in part.unjudged:
        suite, name = _names(claim, catalogue(ENGLISH).claim_title(claim))
        yield _Case(suite, name, 0.0, "error", ": ".join(["not judged", *problems[:1]]), "\n".join(problems))
    if problems and not part.unjudged:
        yield _Case(part.name, whole, part.took_s, "error", problems[0], "\n".join(problems))


def _names(claim_id: str, title: str) -> tuple[str, str]:
    """Return a claim's class and its name; the name is the same in every run, whatever the verdict."""
    suite, _, name = claim_id.rpartition(".")
    return suite, f"{name}: {title}" if title else name


def _add_case(suite: Element, case: _Case) -> None:
    found = SubElement(
        suite, "testcase", classname=plain(case.suite), name=plain(case.name), time=_seconds(case.time_s)
    )
    if case.outcome:
        outcome = SubElement(found, case.outcome)
        if case.outcome != "system-out":
            outcome.set("message", plain(case.message))
        outcome.text = plain(case.body) or None


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(plain_value(value), ensure_ascii=False, default=str)


def _seconds(time_s: float) -> str:
    return f"{time_s:.3f}"
