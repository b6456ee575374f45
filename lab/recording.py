"""From Ansible's events to a run's result: steps, claims, times, problems."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from lab.errors import EXIT_INTERRUPTED
from lab.results import Check, Problem, RunResult, StageResult, Step
from lab.runner import Ending, Event
from lab.stages import STAGE_ROLE, stage_of_role

_CLAIM_FIELDS = frozenset(entry.name for entry in fields(Check))


@dataclass
class _Walk:
    """A walk through a stage, under way."""

    name: str
    started: float
    entries: list[Step | Check] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass
class Recording:
    """Collects events while they come; ``result`` gives what they amount to.

    ``claims_of`` has the ids of the claims that each stage should judge.
    """

    lab: str
    command: str
    claims_of: Mapping[str, Sequence[str]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    parts: dict[str, float] = field(default_factory=dict)
    part: str = ""
    part_since: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)
    claims: list[Check] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    nodes: list[Mapping[str, Any]] = field(default_factory=list)
    pings: list[Mapping[str, Any]] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    changed: int = 0
    stages: list[StageResult] = field(default_factory=list)
    walk: _Walk | None = None

    def add(self, event: Event) -> None:
        """Take note of an event."""
        if event.kind in {"task", "stats"}:
            self._turn_to(event.role)
            self._follow(event)
        if event.kind == "ok" and not event.item:
            self._add_ok(event)
        elif event.kind in {"failed", "unreachable"} and not event.item:
            found = problem(event)
            self.problems.append(found)
            if self.walk:
                self.walk.problems.append(found)

    def _follow(self, event: Event) -> None:
        """Begin or end a walk: the role ``stage`` includes that of a stage, which goes on until the next does."""
        if event.role in {"", STAGE_ROLE}:
            self._end_walk()
            self.walk = _Walk("", time.monotonic()) if event.role else None
        elif self.walk is not None:
            self.walk.name = self.walk.name or stage_of_role(event.role)

    def _end_walk(self) -> None:
        walk, self.walk = self.walk, None
        if walk is None or not walk.name:
            return
        result = StageResult(
            name=walk.name,
            took_s=round(time.monotonic() - walk.started, 3),
            entries=tuple(walk.entries),
            problems=tuple(walk.problems),
        )
        judged = {claim.id for claim in result.claims}
        missing = tuple(claim for claim in self.claims_of.get(walk.name, ()) if claim not in judged)
        self.stages.append(replace(result, unjudged=missing))

    def _turn_to(self, part: str) -> None:
        """Add the time since the last task began to the part that it belongs to."""
        now = time.monotonic()
        if self.part:
            self.parts[self.part] = self.parts.get(self.part, 0.0) + now - self.part_since
        self.part, self.part_since = part, now

    def _add_ok(self, event: Event) -> None:
        result = event.result
        host = str(result.get("host") or event.host)
        self.changed += bool(result.get("changed"))
        if event.action.startswith("lab.swarm."):
            self.steps.append(_step(event, host))
            if self.walk:
                self.walk.entries.append(self.steps[-1])
        for found in (result, *_items(result)):
            for claim in found.get("claims", ()):
                self._add_claim(Check(**{key: claim[key] for key in _CLAIM_FIELDS}))
        self.pings += result.get("pings", ())
        if result.get("nodes"):
            self.nodes = list(result["nodes"])
        if result.get("images"):
            self.images = dict(result["images"])

    def _add_claim(self, claim: Check) -> None:
        """Take note of a claim; one that is judged again in the same walk (a step was repeated) counts once."""
        if self.walk:
            for earlier in [entry for entry in self.walk.entries if isinstance(entry, Check) and entry.id == claim.id]:
                self.walk.entries.remove(earlier)
                self.claims.remove(earlier)
            self.walk.entries.append(claim)
        self.claims.append(claim)

    def result(self, ending: Ending) -> RunResult:
        """Return what the run found out, with its exit code."""
        self._turn_to("")
        self._end_walk()
        problems = list(self.problems)
        if ending.code and not problems and not ending.interrupted:
            problems.append(_untold(ending))
        return RunResult(
            lab=self.lab,
            command=self.command,
            exit_code=self._exit_code(ending, problems),
            took_s=round(time.monotonic() - self.started, 3),
            changed=self.changed,
            parts={part: round(took, 3) for part, took in self.parts.items()},
            steps=tuple(self.steps),
            claims=tuple(self.claims),
            nodes=tuple(self.nodes),
            pings=tuple(self.pings),
            images=self.images,
            problems=tuple(problems),
            stages=tuple(self.stages),
        )

    def _exit_code(self, ending: Ending, problems: list[Problem]) -> int:
        if ending.interrupted:
            return EXIT_INTERRUPTED
        if problems:
            return max(found.code for found in problems)
        return 1 if any(claim.verdict == "fail" for claim in self.claims) else 0


def _items(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the results of a loop's items."""
    return [item for item in result.get("results", ()) if isinstance(item, Mapping)]


def _step(event: Event, host: str) -> Step:
    result = event.result
    everything = (result, *_items(result))
    commands = [str(found["command"]) for found in everything if found.get("command")]
    outputs = [str(found["output"]) for found in everything if found.get("output")]
    return Step(
        name=event.task,
        role=event.role,
        host=host,
        changed=bool(result.get("changed")),
        took_s=round(event.took_s, 3),
        command="\n".join(commands),
        output="\n".join(outputs),
    )


def problem(event: Event) -> Problem:
    """Return why a task failed: a LabError as its plugin told it, else Ansible's own message."""
    told = event.result.get("lab_error") or _item_error(event.result)
    if told:
        message = "\n".join([str(told["message"]), *(f"  {line}" for line in told["problems"])])
        return Problem(int(told["code"]), message, str(told["hint"]), str(told["host"]))
    code = 4 if event.kind == "unreachable" else 1
    return Problem(code, str(event.result.get("msg") or f"task '{event.task}' failed"), "", event.host)


def _item_error(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the error of the first loop item that failed with one of ours."""
    return next((dict(item["lab_error"]) for item in _items(result) if item.get("lab_error")), {})


def _untold(ending: Ending) -> Problem:
    """Return what Ansible printed where it ended without an event: a held lock, an unreadable inventory."""
    lines = [
        line.removeprefix("[ERROR]: ").removeprefix("ERROR! ") for line in ending.text.splitlines() if line.strip()
    ]
    code = ending.code if ending.code in {2, 3, 5} else 1
    return Problem(code, " ".join(lines[-3:]) or f"Ansible ended with code {ending.code}")
