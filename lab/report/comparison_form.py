"""Runs side by side, as a table or as JSON."""

from __future__ import annotations

import json
import sys

from rich.markup import escape

from lab.comparison import Comparison
from lab.report.terminal import consoles, show_rows


def show(comparison: Comparison, *, as_json: bool, only_differences: bool = False) -> None:
    """Print a row for each claim with its verdict in each run, then the reasons where runs do not agree."""
    if as_json:
        sys.stdout.write(json.dumps(comparison.to_json(), indent=2) + "\n")
        return
    console, _ = consoles()
    rows = [row for row in comparison.rows if row.differs or not only_differences]
    cells = [(row.id, *row.verdicts, "differs" if row.differs else "") for row in rows]
    if cells:
        show_rows(console, ("CLAIM", *(run.upper() for run in comparison.runs), ""), cells)
    for run, engines in zip(comparison.runs, comparison.engines, strict=True):
        console.print(escape(f"{run}: engine {engines or 'not told'}"), highlight=False)
    differing = [row for row in comparison.rows if row.differs]
    for row in differing:
        for run, reason in row.reasons.items():
            console.print(escape(f"{row.id}, {run}: {reason}"), highlight=False, soft_wrap=True)
    console.print(f"{len(comparison.rows)} claims, {len(differing)} differ", highlight=False)
