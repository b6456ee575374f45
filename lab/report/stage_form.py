"""The list of stages, as text or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.markup import escape

from lab.report.terminal import consoles
from lab.stages import Stage


def show(stages: Sequence[Stage], *, as_json: bool) -> None:
    """Print the stages with their needs, steps and claims."""
    if as_json:
        sys.stdout.write(json.dumps({"schema": 1, "stages": [asdict(stage) for stage in stages]}, indent=2) + "\n")
        return
    console, _ = consoles()
    for stage in stages:
        console.print(f"[bold]{escape(stage.name)}[/]  {escape(stage.title)}", soft_wrap=True)
        needs = ", ".join(stage.needs) or "nothing"
        console.print(
            f"  {escape(stage.tutorial)}; needs {escape(needs)}; engine {stage.engine} or newer",
            soft_wrap=True,
        )
        for step in stage.steps:
            console.print(f"  - {escape(step)}", soft_wrap=True)
        for claim in stage.claims:
            console.print(f"  [cyan]{escape(claim.id)}[/]  {escape(claim.title)}", soft_wrap=True)
