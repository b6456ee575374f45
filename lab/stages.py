"""The tutorial's stages: each is a role with a page about itself (``meta/stage.yml``)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab.errors import InvalidInput
from lab.project import Project
from lab.reading import page

PREFIX = "stage_"
STAGE_ROLE = "stage"
"""The role that walks through one stage after the other."""
VERIFY = "Verify | "


@dataclass(frozen=True)
class Claim:
    """A claim of a stage: its stable id, what it says, and whether it is about the clean-up at the stage's end."""

    id: str
    title: str
    at_the_end: bool = False


@dataclass(frozen=True)
class Stage:
    """A stage: what it shows, what it needs, its steps in order and its claims."""

    name: str
    title: str
    tutorial: str
    needs: Sequence[str]
    engine: str
    note: str
    steps: Sequence[str]
    claims: Sequence[Claim]


@cache
def stages(project: Project) -> Sequence[Stage]:
    """Return every stage, in the tutorial's order."""
    found = [_read(about.parent.parent) for about in project.roles.glob(f"{PREFIX}*/meta/stage.yml")]
    return tuple(stage for _, stage in sorted(found, key=lambda entry: (entry[0], entry[1].name)))


def stage(project: Project, name: str) -> Stage:
    """Return one stage; raises InvalidInput with the nearest names where there is none of that name."""
    known = {found.name: found for found in stages(project)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=2) or list(known)
        raise InvalidInput(f"no stage '{name}'", hint=f"did you mean {' or '.join(near)}?")
    return known[name]


def chosen(project: Project, names: Sequence[str]) -> Sequence[Stage]:
    """Return the stages of these names, in their order; ``all`` means every one, in the tutorial's order."""
    return stages(project) if list(names) == ["all"] else [stage(project, name) for name in names]


def require_one_to_keep(found: Sequence[Stage]) -> None:
    """Raise InvalidInput unless there is one stage: stages use the same names for different things."""
    if len(found) != 1:
        raise InvalidInput(f"what {len(found)} stages make cannot be left up together", hint="name one stage to keep")


def stage_of_role(role: str) -> str:
    """Return the name of the stage that a role is, empty where it is none."""
    return role.removeprefix(PREFIX).replace("_", "-") if role.startswith(PREFIX) else ""


def _read(role: Path) -> tuple[int, Stage]:
    about = page(role / "meta" / "stage.yml")
    name = stage_of_role(role.name)
    tasks = [task for path in _task_files(role) for task in _tasks(path)]
    claims = [_claim(task) for task in tasks if "lab.swarm.claim" in task]
    steps = [str(task["name"]) for task in tasks if not str(task["name"]).startswith(VERIFY)]
    return int(about["order"]), Stage(
        name=name,
        title=about["title"],
        tutorial=about["tutorial"],
        needs=tuple(about["needs"]),
        engine=str(about["engine"]),
        note=about.get("note", ""),
        steps=tuple(steps),
        claims=tuple(claims),
    )


def _claim(task: dict[str, Any]) -> Claim:
    at_the_end = any(str(condition).endswith("_keep") for condition in task["when"])
    return Claim(str(task["lab.swarm.claim"]["id"]), str(task["name"]).removeprefix(VERIFY), at_the_end)


def _task_files(role: Path) -> list[Path]:
    """Return the files of a stage's steps: what only cleans up is no step."""
    files = [role / "tasks" / name for name in ("walk.yml", "verify.yml")]
    return [path for path in files if path.is_file()]


def _tasks(path: Path, conditions: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield every task of a file, also those inside blocks and in what it imports, with all that it depends on."""
    for task in page(path) or []:
        yield from _inside(task, path, conditions)


def _inside(task: dict[str, Any], path: Path, conditions: Sequence[str]) -> Iterator[dict[str, Any]]:
    own = task.get("when", [])
    when = [*conditions, *([own] if isinstance(own, str) else own)]
    blocks = [inner for part in ("block", "rescue", "always") for inner in task.get(part, ())]
    if file := task.get("ansible.builtin.import_tasks"):
        yield from _tasks(path.with_name(file), when)
    elif role := task.get("ansible.builtin.import_role"):
        yield from _tasks(path.parents[2] / role["name"] / "tasks" / "main.yml", when)
    elif blocks:
        for inner in blocks:
            yield from _inside(inner, path, when)
    else:
        yield {**task, "when": when}
