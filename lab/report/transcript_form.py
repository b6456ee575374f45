"""A run as Markdown: the tutorial as it went on these hosts, with every command and what came of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from lab import __version__
from lab.report import place, stage_table
from lab.report.parts import parts, told
from lab.report.plain import plain, plain_value
from lab.results import Check, RunResult, StageResult, Step
from lab.stages import VERIFY
from lab.texts import Catalogue

MOST_LINES = 60
"""Lines of one command's output that are shown."""


@dataclass(frozen=True)
class _Taken:
    """A step on one host: the commands, the beginning of the output, and the number of lines that were cut."""

    host: str
    commands: Sequence[str]
    output: str
    cut: int


@dataclass(frozen=True)
class _Passage:
    """A step on all hosts that took it, one after the other, and the claims that follow it."""

    name: str = ""
    title: str = ""
    why: str = ""
    taken: list[_Taken] = field(default_factory=list)
    claims: list[Check] = field(default_factory=list)


def write(result: RunResult, where: str, words: Catalogue) -> None:
    """Write a result's transcript into a file, or to the standard output for ``-``; raises InvalidInput."""
    place.write(text(result, words), where)


def text(result: RunResult, words: Catalogue, when: datetime | None = None) -> str:
    """Return a result's transcript in the language of ``words``; it was written ``when``, by default now."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    pages.filters.update(code=code, fenced=fenced, told=told, typed=lambda command, host: f"{host}$ {command}")
    found = parts(result)
    return pages.get_template("transcript.md.j2").render(
        words=words,
        result=result,
        program=f"lab {__version__}",
        when=(when or datetime.now().astimezone()).isoformat(sep=" ", timespec="seconds"),
        hosts=list(dict.fromkeys(host for part in found for step in part.steps for host in step.host.split(", "))),
        parts=[(part, passages(part, words)) for part in found],
        columns=stage_table.columns(words),
        rows=stage_table.rows(found, words),
    )


def passages(part: StageResult, words: Catalogue) -> Sequence[_Passage]:
    """Return the steps of a stage in their order, each with its claims; what the lab does for itself is left out."""
    found = [_Passage()]
    for entry in part.entries:
        if isinstance(entry, Check):
            found[-1].claims.append(entry)
            continue
        why = words.step_why(part.name, entry.name)
        if entry.name.startswith(VERIFY) or not (entry.command or why):
            continue
        if found[-1].name != entry.name or found[-1].claims:
            found.append(_Passage(entry.name, words.step_title(part.name, entry.name), why))
        if entry.command:
            found[-1].taken.append(_taken(entry))
    return [passage for passage in found if passage.name or passage.claims]


def _taken(step: Step) -> _Taken:
    lines = plain(step.output).rstrip().splitlines()
    return _Taken(
        step.host, plain(step.command).splitlines(), "\n".join(lines[:MOST_LINES]), max(0, len(lines) - MOST_LINES)
    )


def code(value: Any) -> str:
    """Return a value as code within a line."""
    shown = " ".join(plain(str(plain_value(value))).split())
    marks = "`" * (_longest_run(shown) + 1)
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{marks}{space}{shown}{space}{marks}" if shown else "``` ```"


def fenced(block: str, language: str = "") -> str:
    """Return a block of code, between fences that are longer than any in it."""
    marks = "`" * max(3, _longest_run(block) + 1)
    return f"{marks}{language}\n{block}\n{marks}"


def _longest_run(block: str) -> int:
    """Return the length of the longest run of backticks."""
    return max(map(len, re.findall("`+", block)), default=0)
