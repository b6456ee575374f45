"""The roles: every default is explained and specified, every task says exactly what it runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from ansible.playbook.block import Block
from ansible.playbook.handler import Handler

CHECKOUT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
ROLES = sorted(path for path in (CHECKOUT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted((CHECKOUT / "playbooks").glob("*.yml"))
FILES = sorted(path for folder in ("tasks", "handlers") for path in (CHECKOUT / "roles").glob(f"*/{folder}/*.yml"))
KEYWORDS = {*Handler.fattributes, *Block.fattributes, "block", "rescue", "always"}
each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
each_playbook = pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.name)
each_file = pytest.mark.parametrize(
    "path", [*FILES, *PLAYBOOKS], ids=lambda path: path.relative_to(CHECKOUT).as_posix()
)


@cache
def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def defaults(role: Path) -> dict:
    return read(role / "defaults" / "main.yml")


def specified(role: Path) -> dict[str, dict]:
    """Return the options of all entry points of a role."""
    specs = read(role / "meta" / "argument_specs.yml")["argument_specs"]
    return {name: option for spec in specs.values() for name, option in spec.get("options", {}).items()}


def is_template(value: object) -> bool:
    """Tell whether a value depends on the inventory, so that no specification can have it."""
    return isinstance(value, str) and "{{" in value


def tasks(path: Path) -> Iterator[dict]:
    """Yield every task of a file of tasks or plays, also those inside blocks."""
    pending = [*read(path)]
    while pending:
        entry = pending.pop(0)
        inside = [*entry.get("block", ()), *entry.get("rescue", ()), *entry.get("always", ())]
        if "hosts" in entry:
            pending += [
                task for kind in ("pre_tasks", "tasks", "post_tasks", "handlers") for task in entry.get(kind, ())
            ]
        elif inside:
            pending += inside
        else:
            yield entry


def action(task: dict) -> str:
    """Return the one key of a task that no keyword of Ansible's is."""
    (name,) = [key for key in task if key not in KEYWORDS]
    return name


@each_role
def test_a_role_says_what_it_is(role: Path):
    about = read(role / "meta" / "main.yml")["galaxy_info"]
    assert about["role_name"] == role.name
    assert about["description"]
    assert about["standalone"] is False


@each_role
def test_a_role_has_argument_specs_for_the_entry_points_that_it_has(role: Path):
    specs = read(role / "meta" / "argument_specs.yml")["argument_specs"]
    assert "main" in specs
    assert all((role / "tasks" / f"{entry}.yml").is_file() for entry in specs)
    assert all(spec["short_description"] for spec in specs.values())
    assert all(option["description"] and option["type"] for option in specified(role).values())


@each_role
def test_every_variable_bears_the_name_of_its_role(role: Path):
    assert [name for name in {**defaults(role), **specified(role)} if not name.startswith(f"{role.name}_")] == []


@each_role
def test_every_default_is_specified(role: Path):
    assert set(defaults(role)) - set(specified(role)) == set()


@each_role
def test_every_default_is_the_same_in_both_places(role: Path):
    here = {name: value for name, value in defaults(role).items() if not is_template(value)}
    there = {name: option["default"] for name, option in specified(role).items() if "default" in option}
    assert here == there


@each_role
def test_every_option_that_need_not_be_given_has_a_default(role: Path):
    optional = {name for name, option in specified(role).items() if not option.get("required")}
    assert optional - set(defaults(role)) == set()


@each_role
def test_every_default_is_explained_above_it(role: Path):
    """A comment may stand above several lines: it then has to name what each of them is about."""
    unexplained, comment, first = [], "", True
    for line in (role / "defaults" / "main.yml").read_text().splitlines() if defaults(role) else ():
        if line.startswith("#"):
            comment, first = f"{comment} {line}" if not first else line, False
        elif match := re.match(r"(\w+):", line):
            if first and match[1].rpartition("_")[2] not in comment:
                unexplained.append(match[1])
            first = True
    assert unexplained == []


@each_file
def test_every_task_has_a_name_and_names_its_module_in_full(path: Path):
    for task in tasks(path):
        assert task.get("name"), task
        assert action(task).count(".") == 2, task["name"]


@each_file
def test_no_failure_is_ignored(path: Path):
    for task in tasks(path):
        assert "ignore_errors" not in task, task["name"]
        assert "ignore_unreachable" not in task, task["name"]
        assert task.get("failed_when") is not False, task["name"]
        assert str(task.get("failed_when", "")).strip().lower() not in {"false", "no", "never"}, task["name"]


@each_file
def test_no_task_needs_a_shell(path: Path):
    assert [
        task["name"] for task in tasks(path) if action(task) in {"ansible.builtin.shell", "ansible.builtin.raw"}
    ] == []


def ansible_playbook(*options: str | Path) -> str:
    done = subprocess.run(
        [PROGRAMS / "ansible-playbook", *options],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@each_playbook
def test_a_playbook_has_no_mistake_in_its_syntax(playbook: Path):
    assert playbook.name in ansible_playbook("--syntax-check", playbook)


@each_playbook
def test_the_tasks_of_a_playbook_can_be_listed(playbook: Path):
    listed = ansible_playbook("--list-tasks", playbook)
    assert [play["name"] for play in read(playbook) if play["name"] not in listed] == []
    assert listed.count("TAGS: [") > len(read(playbook))
