"""What a run found out: claims, steps and their time, as frozen data with a versioned JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lab import __version__

SCHEMA = 1
"""Version of the JSON form; raised when a key changes its meaning or goes."""

COMMAND_MARK = "lab-command "
"""What a plugin prints before host and docker command of the step about to run, for the terminal report to find."""

Verdict = Literal["pass", "fail", "skip", "observed"]


@dataclass(frozen=True)
class Check:
    """A claim and its verdict.

    ``id`` is stable (``standalone-containers.same-network-id``); ``waited_s`` are the seconds until the
    observation settled; ``reason`` says why a claim was skipped: a fact about the host that was probed.
    """

    id: str
    title: str
    verdict: Verdict
    expected: Any
    observed: Any
    host: str = ""
    waited_s: float = 0.0
    reason: str = ""
    evidence: Any = None


@dataclass(frozen=True)
class Step:
    """Something that was done: on which host, the docker command a person would have typed, what came of it."""

    name: str
    role: str
    host: str
    changed: bool
    took_s: float
    command: str = ""
    output: str = ""


@dataclass(frozen=True)
class Problem:
    """Why a run did not end well."""

    code: int
    message: str
    hint: str = ""
    host: str = ""


@dataclass(frozen=True)
class StageResult:
    """One walk through a stage: its steps and claims in the order in which they came, and what kept it from ending.

    ``unjudged`` are the ids of claims that the walk did not come to.
    """

    name: str
    took_s: float
    entries: Sequence[Step | Check] = ()
    problems: Sequence[Problem] = ()
    unjudged: Sequence[str] = ()

    @property
    def claims(self) -> Sequence[Check]:
        """The claims that were judged."""
        return [entry for entry in self.entries if isinstance(entry, Check)]

    @property
    def steps(self) -> Sequence[Step]:
        """The steps that were taken."""
        return [entry for entry in self.entries if isinstance(entry, Step)]

    def summary(self) -> dict[str, int]:
        """Return the number of claims of each verdict."""
        return _summary(self.claims)

    def to_json(self) -> dict[str, Any]:
        """Return the versioned form; its claims and steps stand in the run's own lists."""
        return {
            "name": self.name,
            "took_s": self.took_s,
            "claims": [claim.id for claim in self.claims],
            "unjudged": list(self.unjudged),
            "problems": [asdict(problem) for problem in self.problems],
            "summary": self.summary(),
        }


@dataclass(frozen=True)
class RunResult:
    """Everything that a run found out. Times are seconds; ``parts`` are the roles in the order of their start."""

    lab: str
    command: str
    exit_code: int
    took_s: float
    changed: int
    parts: Mapping[str, float] = field(default_factory=dict)
    steps: Sequence[Step] = ()
    claims: Sequence[Check] = ()
    nodes: Sequence[Mapping[str, Any]] = ()
    pings: Sequence[Mapping[str, Any]] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    stages: Sequence[StageResult] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the versioned form; its keys are pinned by a test."""
        plain = {**asdict(self), "stages": [stage.to_json() for stage in self.stages]}
        return {"schema": SCHEMA, "program": f"lab {__version__}", **plain, "summary": self.summary()}

    def summary(self) -> dict[str, int]:
        """Return the number of claims of each verdict."""
        return _summary(self.claims)


def _summary(claims: Sequence[Check]) -> dict[str, int]:
    verdicts = [claim.verdict for claim in claims]
    return {verdict: verdicts.count(verdict) for verdict in ("pass", "fail", "skip", "observed")}


def judge(
    claim_id: str,
    title: str,
    *,
    expected: Any,
    observed: Any,
    host: str = "",
    waited_s: float = 0.0,
    skip: str = "",
    record_only: bool = False,
    evidence: Any = None,
) -> Check:
    """Return the verdict on a claim: pass where observed equals expected.

    ``skip`` is the probed reason for not judging; ``record_only`` is for what the source leaves to the version.
    """
    verdict: Verdict = "pass" if expected == observed else "fail"
    if skip:
        verdict = "skip"
    elif record_only:
        verdict = "observed"
    return Check(claim_id, title, verdict, expected, observed, host, round(waited_s, 3), skip, evidence)
