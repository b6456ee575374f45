"""The tutorial's stages: each is a role with a page about itself (``meta/stage.yml``)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.errors import InvalidInput
from lab.project import Project

PREFIX = "stage_"
VERIFY = "Verify | "


@dataclass(frozen=True)
class Claim:
    """A claim of a stage: its stable id and what it says."""

    id: str
    title: str


@dataclass(frozen=True)
class Stage:
    """A stage: what it shows, what it needs, its steps in order and its claims."""

    name: str
    title: str
    tutorial: str
    needs: Sequence[str]
    engine: str
    steps: Sequence[str]
    claims: Sequence[Claim]


def stages(project: Project) -> list[Stage]:
    """Return every stage, in the tutorial's order."""
    found = [_read(page.parent.parent) for page in project.roles.glob(f"{PREFIX}*/meta/stage.yml")]
    return [stage for _, stage in sorted(found, key=lambda entry: (entry[0], entry[1].name))]


def stage(project: Project, name: str) -> Stage:
    """Return one stage; raises InvalidInput with the nearest names where there is none of that name."""
    known = {found.name: found for found in stages(project)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=2) or list(known)
        raise InvalidInput(f"no stage '{name}'", hint=f"did you mean {' or '.join(near)}?")
    return known[name]


def _read(role: Path) -> tuple[int, Stage]:
    page = yaml.safe_load((role / "meta" / "stage.yml").read_text())
    name = role.name.removeprefix(PREFIX).replace("_", "-")
    tasks = [task for tasks in _task_files(role) for task in _named(yaml.safe_load(tasks.read_text()) or [])]
    claims = [
        Claim(str(task["lab.swarm.claim"]["id"]), str(task["name"]).removeprefix(VERIFY))
        for task in tasks
        if "lab.swarm.claim" in task
    ]
    steps = [str(task["name"]) for task in tasks if not str(task["name"]).startswith(VERIFY)]
    return int(page["order"]), Stage(
        name=name,
        title=page["title"],
        tutorial=page["tutorial"],
        needs=tuple(page["needs"]),
        engine=str(page["engine"]),
        steps=tuple(steps),
        claims=tuple(claims),
    )


def _task_files(role: Path) -> list[Path]:
    """Return the files of a stage's steps: what only cleans up is no step."""
    files = [role / "tasks" / name for name in ("walk.yml", "verify.yml")]
    return [path for path in files if path.is_file()]


def _named(tasks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield every task, also those inside blocks."""
    for task in tasks:
        inside = [inner for part in ("block", "rescue", "always") for inner in task.get(part, ())]
        if inside:
            yield from _named(inside)
        else:
            yield task
