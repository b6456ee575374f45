"""Running a playbook through ansible-runner: what Ansible tells, as typed events, and how it ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import ansible_runner

from lab import stepping
from lab.hosts import lock
from lab.hosts.base import LabPaths
from lab.hosts.programs import private as private_directories
from lab.hosts.programs import remove_empty
from lab.hosts.state import ProcessRecord
from lab.project import Project
from lab.stepping import Answer, Question

CANCEL_POLL_S = 0.2
"""How often ansible-runner asks whether to cancel while a playbook says nothing."""

_STEPWISE = {"ANSIBLE_STRATEGY": "lab.swarm.stepwise"}

Kind = Literal["task", "start", "ok", "failed", "unreachable", "skipped", "text", "stats"]

_KINDS: dict[str, Kind] = {
    "playbook_on_task_start": "task",
    "runner_on_start": "start",
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
    "runner_item_on_ok": "ok",
    "runner_item_on_failed": "failed",
    "verbose": "text",
    "error": "text",
    "warning": "text",
    "playbook_on_stats": "stats",
}


@dataclass(frozen=True)
class Event:
    """Something that Ansible told: a task begins, or ended on a host with a result, or a line of text."""

    kind: Kind
    task: str = ""
    role: str = ""
    host: str = ""
    action: str = ""
    took_s: float = 0.0
    result: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    item: bool = False
    task_id: str = ""


@dataclass(frozen=True)
class Playbook:
    """A playbook to run, with everything that decides how."""

    noun: str
    inventory: Path
    variables: Mapping[str, Any]
    check: bool = False
    diff: bool = False
    verbosity: int = 0
    wait_s: float = 0.0


@dataclass(frozen=True)
class Ending:
    """How a playbook ended: Ansible's return code, and whether we were interrupted."""

    code: int
    interrupted: bool
    text: str


def run(
    project: Project,
    paths: LabPaths,
    playbook: Playbook,
    on_event: Callable[[Event], None],
    answer: Callable[[Question], Answer] | None = None,
) -> Ending:
    """Run a playbook to its end, handing every event to ``on_event`` as it comes.

    With ``answer`` it stops before each step and goes on as that says; see ``lab.stepping``.
    Its private directory lies in the lab's state (0700) and goes when the run ends. SIGINT and SIGTERM stop the
    playbook; what it did so far stays, and is removed by ``down``.
    """
    text: list[str] = []

    def handle(raw: Mapping[str, Any]) -> bool:
        event = parse(raw)
        if event is not None:
            if event.kind == "text":
                text.append(event.text)
            on_event(event)
        return False

    private = _private_directory(paths)
    try:
        socket = private / "step.sock"
        stepping_variables = {stepping.VARIABLE: str(socket)} if answer else {}
        with (
            _interruptible() as interrupted,
            stepping.answering(socket, answer) if answer else nullcontext(),
        ):
            outcome = ansible_runner.run(
                private_data_dir=str(private),
                playbook=str(project.playbook(playbook.noun)),
                inventory=str(playbook.inventory.absolute()),
                extravars={"lab_name": paths.name, **playbook.variables, **stepping_variables},
                envvars={**_environment(project, paths, playbook, private), **(_STEPWISE if answer else {})},
                cmdline=_options(playbook),
                verbosity=playbook.verbosity or None,
                ident="run",
                quiet=True,
                suppress_env_files=True,
                event_handler=handle,
                cancel_callback=lambda: bool(interrupted),
            )
            return Ending(outcome.rc if outcome.rc is not None else 1, bool(interrupted), "\n".join(text))
    finally:
        shutil.rmtree(private, ignore_errors=True)
        remove_empty_directories(paths)


def _private_directory(paths: LabPaths) -> Path:
    """Make the directory of this run, and remove those of runs that were killed."""
    sweep(paths)
    private = paths.runner / lock.own_record().replace(":", "-")
    private_directories(paths.state.parent, paths.state, paths.runner, private, private / "env")
    private_directories(paths.run.parent, paths.run)
    (private / "env" / "settings").write_text(json.dumps({"pexpect_timeout": CANCEL_POLL_S}))
    return private


def remove_empty_directories(paths: LabPaths) -> None:
    """Remove the directories that a run makes for the lab, where nothing is in them."""
    remove_empty(paths.runner, paths.state, paths.state.parent, paths.controls, paths.run, paths.run.parent)


def sweep(paths: LabPaths) -> None:
    """Remove the directories of runs whose process (pid and start time are the directory's name) is gone."""
    for private in paths.runner.glob("*-*"):
        pid, _, started = private.name.partition("-")
        if not ProcessRecord(int(pid), int(started)).alive():
            shutil.rmtree(private, ignore_errors=True)
    remove_empty(paths.runner)


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them, so that the playbook can be stopped first."""
    seen: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        seen.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _environment(project: Project, paths: LabPaths, playbook: Playbook, private: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin",
        "ANSIBLE_CONFIG": str(project.config),
        "ANSIBLE_COLLECTIONS_PATH": str(project.collections),
        "ANSIBLE_ROLES_PATH": str(project.roles),
        "ANSIBLE_HOME": str(private / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(private / "tmp"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",  # ansible-runner's own default is that nobody is checked
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(paths.controls),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",  # Ansible refuses a locale that this machine does not have
        "LAB_WAIT": str(playbook.wait_s),
        lock.PARENT: lock.own_record(),
    }


def _options(playbook: Playbook) -> str:
    return " ".join(option for option, wanted in (("--check", playbook.check), ("--diff", playbook.diff)) if wanted)


def parse(raw: Mapping[str, Any]) -> Event | None:
    """Return what one of ansible-runner's events says; None for those that say nothing to us."""
    kind = _KINDS.get(str(raw["event"]))
    if kind is None:
        return None
    data = raw.get("event_data") or {}
    return Event(
        kind=kind,
        task=str(data.get("task", "")),
        role=str(data.get("role", "")),
        host=str(data.get("host", "")),
        action=str(data.get("task_action", "")),
        took_s=float(data.get("duration", 0.0) or 0.0),
        result=data.get("res") or {},
        text=str(raw.get("stdout", "")) if kind == "text" else "",
        item=str(raw["event"]).startswith("runner_item"),
        task_id=str(data.get("task_uuid", "")),
    )
