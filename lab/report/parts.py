"""The parts of a run, for reports that go through it part by part."""

from __future__ import annotations

from collections.abc import Sequence

from lab.results import Problem, RunResult, StageResult


def parts(result: RunResult) -> Sequence[StageResult]:
    """Return the stages, and as one more, named by the command, what belongs to none of them.

    Ansible's own word that claims have failed is no news where the claims themselves are there.
    """
    judged = [claim for stage in result.stages for claim in stage.claims]
    told = [problem for stage in result.stages for problem in stage.problems]
    claims = [claim for claim in result.claims if claim not in judged]
    steps = () if result.stages else result.steps
    known = bool(told) or any(claim.verdict == "fail" for claim in result.claims)
    problems = [problem for problem in result.problems if problem not in told and not (known and problem.code == 1)]
    if result.stages and not claims and not problems:
        return result.stages
    took_s = max(0.0, result.took_s - sum(stage.took_s for stage in result.stages))
    rest = StageResult(result.command, round(took_s, 3), (*steps, *claims), problems)
    return (*result.stages, rest)


def told(problem: Problem) -> str:
    """Return a problem in one line: host, what happened, what to do next."""
    where = f"{problem.host}: " if problem.host and problem.host != "localhost" else ""
    return f"{where}{problem.message}" + (f" ({problem.hint})" if problem.hint else "")
