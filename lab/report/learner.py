"""The learner's mode: before each step, what it is and why; then a key decides how it goes on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from lab.errors import InvalidInput
from lab.report.terminal import claim_line, show_output, step_line
from lab.runner import Event
from lab.stages import VERIFY
from lab.stepping import Answer, Question

if TYPE_CHECKING:
    from lab.texts import Catalogue

EVENT_DEADLINE_S = 10.0
"""Seconds to wait for Ansible's own word that a step begins: what came before it is then on the screen."""

_INTERRUPT = "\x03\x04"


def require_terminal() -> None:
    """Raise InvalidInput where there is nobody to answer."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput("--step needs a terminal", hint="without one, --explain shows the same at one go")


class Learner:
    """Shows a run step by step, and asks before each."""

    def __init__(
        self,
        console: Console,
        words: Catalogue,
        steps: Mapping[str, Sequence[str]],
        open_shell: Callable[[str], None],
    ) -> None:
        self._console = console
        self._words = words
        self._steps = steps
        self._open_shell = open_shell
        self._task = Event("task")
        self._done: list[Event] = []
        self._begun = threading.Condition()
        self._answered: tuple[str, Answer] = ("", "go")
        self._taken: list[str] = []

    def show(self, event: Event) -> None:
        """Show what came of a task when the next one begins; remember which has begun."""
        if event.kind == "task":
            self.close()
            with self._begun:
                self._task = event
                self._begun.notify_all()
        elif event.kind in {"ok", "failed", "unreachable"} and not event.item:
            self._done.append(event)

    def close(self) -> None:
        """Show what came of the last task: a step's real output, a check's claims, and what went wrong."""
        done, self._done = self._done, []
        if any(event.kind != "ok" for event in done):
            self._console.print(step_line(self._task, done))
        for event in done:
            if not self._task.task.startswith(VERIFY):
                show_output(self._console, event)
            for claim in event.result.get("claims", ()):
                title = self._words.claim_title(str(claim["id"]), str(claim["title"]))
                self._console.print(f"  {claim_line(claim, title)}", soft_wrap=True)

    def answer(self, question: Question) -> Answer:
        """Ask about a step, once all that came before it is shown; a task that asks again gets the same answer."""
        with self._begun:
            self._begun.wait_for(lambda: self._task.task_id == question.task_id, EVENT_DEADLINE_S)
        task_id, before = self._answered
        if task_id == question.task_id and before != "go":
            return before
        self._introduce(question)
        answer = self._ask(question)
        self._answered = (question.task_id, answer)
        if answer == "go" and question.task_id not in self._taken[-1:]:
            self._taken.append(question.task_id)
        elif answer == "repeat":
            self._taken.pop()
        return answer

    def _introduce(self, question: Question) -> None:
        names = list(self._steps.get(question.stage, ()))
        place = ""
        if question.title in names:
            place = self._words.ui("step", number=names.index(question.title) + 1, total=len(names))
        title = self._words.step_title(question.stage, question.title)
        self._console.print()
        self._console.print(Rule(escape(place), align="left", style="cyan"))
        self._console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
        why = self._words.step_why(question.stage, question.title)
        if why:
            self._console.print(escape(why))
        for host in question.hosts:
            self._console.print(f"  [bold cyan]{escape(host)}[/]$ {escape(question.command)}", soft_wrap=True)

    def _ask(self, question: Question) -> Answer:
        host = question.hosts[0]
        keys = [self._words.ui("go_on")]
        keys += [self._words.ui("repeat")] if self._taken else []
        keys += [self._words.ui("shell", host=host), self._words.ui("quit")]
        while True:
            self._console.print(escape("  ".join(keys)), style="dim", soft_wrap=True)
            key = _key()
            if key in "\r\n":
                return "go"
            if key == "q":
                self._console.print(escape(self._words.ui("quit_told")))
                return "quit"
            if key == "r" and self._taken:
                return "repeat"
            if key == "r":
                self._console.print(escape(self._words.ui("nothing_to_repeat")))
            if key == "s":
                self._console.print(escape(self._words.ui("shell_opens", host=host)))
                self._open_shell(host)


def _key() -> str:
    """Return the key that was pressed; the keys that interrupt or end the input mean quit."""
    try:
        key = click.getchar()
    except (KeyboardInterrupt, EOFError):
        return "q"
    return "q" if not key or key in _INTERRUPT else key
