"""The list of stages, as text or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.markup import escape

from lab.report.terminal import consoles
from lab.stages import Stage
from lab.texts import Catalogue


def show(stages: Sequence[Stage], *, as_json: bool, words: Catalogue) -> None:
    """Print the stages with their needs, steps and claims, in the language of ``words``; the JSON is English."""
    if as_json:
        sys.stdout.write(json.dumps({"schema": 1, "stages": [asdict(stage) for stage in stages]}, indent=2) + "\n")
        return
    console, _ = consoles()
    for stage in stages:
        for line in _lines(stage, words):
            console.print(line, soft_wrap=True)


def _lines(stage: Stage, words: Catalogue) -> Iterator[str]:
    needs = words.ui("needs", stages=", ".join(stage.needs)) if stage.needs else words.ui("needs_nothing")
    yield f"[bold]{escape(stage.name)}[/]  {escape(words.stage_title(stage.name, stage.title))}"
    yield escape(f"  {stage.tutorial}; {needs}; {words.ui('engine', version=stage.engine)}")
    if note := words.stage_note(stage.name, stage.note):
        yield f"  {escape(note)}"
    yield f"  {escape(words.ui('steps'))}"
    for step in stage.steps:
        yield f"  - {escape(words.step_title(stage.name, step))}"
    yield f"  {escape(words.ui('claims'))}"
    for claim in stage.claims:
        yield f"  [cyan]{escape(claim.id)}[/]  {escape(words.claim_title(claim.id, claim.title))}"
