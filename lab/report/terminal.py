"""A run on the terminal: a line for each step as it ends, and what it amounts to at the end.

On a terminal the step under way turns a spinner; in a pipe there are plain lines. Nothing is wider than the
terminal; colours follow NO_COLOR.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from lab.report import stage_table
from lab.results import COMMAND_MARK, Check, Problem, RunResult, StageResult
from lab.runner import Event
from lab.texts import Catalogue

_SIGNS = {
    "pass": "[green]pass[/]",
    "fail": "[red]fail[/]",
    "skip": "[yellow]skip[/]",
    "observed": "[cyan]seen[/]",
}


_STRUCTURE = frozenset({"ansible.builtin.include_role", "ansible.builtin.include_tasks", "ansible.builtin.set_fact"})
"""Actions that only arrange others."""


class PatientConsole(Console):
    """A console whose reader may go away (``| head -1``): the run goes on, in silence."""

    def on_broken_pipe(self) -> None:
        """Send the rest nowhere."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())


def consoles() -> tuple[Console, Console]:
    """Return the consoles for output and for errors."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return (
        PatientConsole(width=width, highlight=False, color_system=colours),
        PatientConsole(stderr=True, highlight=False, color_system=colours),
    )


class Progress:
    """Shows a run while it goes on."""

    def __init__(self, console: Console, *, explain: bool = False, verbose: bool = False) -> None:
        self._console = console
        self._explain = explain
        self._verbose = verbose
        self._status: Status | None = None
        self._task = Event("task")
        self._hosts: list[Event] = []
        self._claims: list[Mapping[str, Any]] = []

    def show(self, event: Event) -> None:
        """Show an event: nothing is printed twice, and nothing before it is known."""
        if event.kind == "task":
            self._finish_task()
            self._task = event
            self._spin(event)
        elif event.kind in {"ok", "failed", "unreachable", "skipped"} and not event.item:
            self._hosts.append(event)
        elif event.kind == "text":
            self._text(event.text)
        elif event.kind == "stats":
            self.close()

    def close(self) -> None:
        """End the step under way and take the spinner off the screen."""
        self._finish_task()
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _spin(self, event: Event) -> None:
        if not self._console.is_terminal:
            return
        text = escape(f"{event.role}: {event.task}" if event.role else event.task)
        if self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        self._status.update(text)

    def _text(self, text: str) -> None:
        for line in text.splitlines():
            if line.startswith(COMMAND_MARK):
                host, _, command = line.removeprefix(COMMAND_MARK).partition(" ")
                self._console.print(f"[bold]{escape(host)}[/]$ {escape(command)}", soft_wrap=True)
            elif self._verbose and line.strip():
                self._console.print(escape(line), soft_wrap=True, style="dim")

    def _finish_task(self) -> None:
        done = [event for event in self._hosts if event.kind != "skipped"]
        self._hosts = []
        if not done or "Validating arguments" in self._task.task or self._task.action in _STRUCTURE:
            return
        self._console.print(step_line(self._task, done))
        for note in dict.fromkeys(str(event.result.get("note") or "") for event in done):
            if note:
                self._console.print(f"    {escape(note)}", soft_wrap=True)
        if self._explain:
            for event in done:
                show_output(self._console, event)
        for event in done:
            for claim in event.result.get("claims", ()):
                if claim["verdict"] != "pass" or self._explain:
                    self._console.print(f"    {claim_line(claim)}", soft_wrap=True)


def show_output(console: Console, event: Event) -> None:
    """Print what a step printed, each item of a loop's after the other."""
    results = (event.result, *(item for item in event.result.get("results", ()) if isinstance(item, Mapping)))
    for result in results:
        for line in str(result.get("output") or "").rstrip().splitlines():
            console.print(f"    {escape(line)}", style="dim", soft_wrap=True)


def step_line(task: Event, done: Sequence[Event]) -> str:
    """Return a step in one line: how it went, its role and name, and the time it took."""
    failed = [event.host for event in done if event.kind in {"failed", "unreachable"}]
    changed = sum(bool(event.result.get("changed")) for event in done)
    took = max(event.took_s for event in done)
    sign = "[red]✗[/]" if failed else "[yellow]●[/]" if changed else "[green]✓[/]"
    state = f"failed on {', '.join(failed)}" if failed else f"{changed} changed" if changed else "ok"
    name = f"{task.role}: {task.task}" if task.role else task.task
    return f"{sign} {escape(name)} [dim]{state}, {took:.2f} s[/]"


def claim_line(claim: Mapping[str, Any], title: str = "") -> str:
    """Return a claim's verdict in one line, with what was expected and observed where that matters."""
    line = f"{_SIGNS[claim['verdict']]} {escape(str(claim['id']))}" + (f"  {escape(title)}" if title else "")
    if claim["verdict"] == "fail":
        line += escape(f": expected {claim['expected']}, observed {claim['observed']}")
    if claim["verdict"] == "observed":
        line += escape(f": {claim['observed']}")
    if claim["verdict"] == "skip":
        line += escape(f": {claim['reason']}")
    return line


def show_result(console: Console, result: RunResult) -> None:
    """Print what a run amounts to: nodes, ping matrix, claims, and the time that each part took."""
    if result.nodes:
        _nodes(console, result.nodes)
    if result.pings:
        _pings(console, result.pings)
    if result.claims:
        summary = result.summary()
        counted = ", ".join(f"{number} {verdict}" for verdict, number in summary.items() if number)
        console.print(f"claims: {counted}")
    if result.images:
        console.print(f"images: {escape(result.images['source'])} ({escape(result.images['made_of'])})")
    parts = ", ".join(f"{part} {took:.1f} s" for part, took in result.parts.items())
    console.print(f"time: {parts + '; ' if parts else ''}{result.took_s:.1f} s in all; changed={result.changed}")


def show_rows(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table; where it is wider than the terminal, each row as a block under its first cell."""
    widths = [max(cell_len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    if sum(widths) + 2 * len(widths) <= console.width:
        shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in columns:
            shown.add_column(column, no_wrap=True)
        for row in rows:
            shown.add_row(*map(escape, row))
        console.print(shown)
        return
    for row in rows:
        console.print(f"[bold]{escape(row[0])}[/]")
        for column, cell in zip(columns[1:], row[1:], strict=True):
            console.print(f"  {column.lower()} {escape(cell)}")


def _nodes(console: Console, nodes: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            node["hostname"],
            "leader" if node["leader"] else node["role"],
            node["state"],
            node["availability"],
            node["address"],
        )
        for node in nodes
    ]
    show_rows(console, ("NODE", "ROLE", "STATE", "AVAILABILITY", "ADDRESS"), rows)


def _pings(console: Console, pings: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            ping["source"],
            ping["target"],
            f"{100 - 100 * ping['received'] // ping['sent'] if ping['sent'] else 100}%",
            f"{ping['rtt_ms']:.3f}",
            f"{ping['vxlan_out']}/{ping['vxlan_in']}",
        )
        for ping in pings
    ]
    show_rows(console, ("FROM", "TO", "LOSS", "RTT ms", "VXLAN out/in"), rows)


def show_claims(console: Console, claims: Sequence[Check], words: Catalogue | None = None) -> None:
    """Print every claim with its verdict; with ``words`` also what it says."""
    for claim in claims:
        told = {key: getattr(claim, key) for key in ("id", "verdict", "expected", "observed", "reason")}
        title = words.claim_title(claim.id, claim.title) if words else ""
        console.print(claim_line(told, title), soft_wrap=True)


def show_stages(console: Console, stages: Sequence[StageResult], words: Catalogue) -> None:
    """Print what came of each stage: its claims by verdict, and the time that it took."""
    show_rows(console, stage_table.columns(words), stage_table.rows(stages, words))


def show_problem(console: Console, problem: Problem) -> None:
    """Print why something went wrong: host, what happened, what to do next."""
    where = f"{escape(problem.host)}: " if problem.host and problem.host != "localhost" else ""
    hint = f" ({escape(problem.hint)})" if problem.hint else ""
    console.print(f"[red]error:[/] {where}{escape(problem.message)}{hint}", soft_wrap=True)
