"""What came of the stages of a run, as the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

from lab.results import StageResult
from lab.texts import Catalogue


def columns(words: Catalogue) -> Sequence[str]:
    """Return the table's headings."""
    return (
        words.ui("stage"),
        words.ui("passed"),
        words.ui("failed"),
        words.ui("skipped"),
        words.ui("observed"),
        words.ui("not_judged"),
        words.ui("time"),
    )


def rows(stages: Sequence[StageResult], words: Catalogue) -> Sequence[Sequence[str]]:
    """Return a row for each stage, and one for all where there is more than one."""
    counted = [(*stage.summary().values(), len(stage.unjudged)) for stage in stages]
    found = [_row(stage.name, counts, stage.took_s, words) for stage, counts in zip(stages, counted, strict=True)]
    if len(stages) > 1:
        took_s = sum(stage.took_s for stage in stages)
        found.append(_row(words.ui("total"), [sum(column) for column in zip(*counted, strict=True)], took_s, words))
    return found


def _row(name: str, counts: Sequence[int], took_s: float, words: Catalogue) -> Sequence[str]:
    return (name, *map(str, counts), words.ui("seconds", seconds=f"{took_s:.1f}"))
