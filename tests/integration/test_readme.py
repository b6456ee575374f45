"""README.md is true: its commands work, in its order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess

import pytest

from tests.integration.command import REPO, Cli

TEXT = (REPO / "README.md").read_text()


def _commands(section: str) -> list[str]:
    """Return the commands of the shell blocks of a section."""
    (part,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"```sh\n(.*?)```", part, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_two_commands_of_the_start_are_the_whole_set_up():
    assert _commands("Start") == ["sudo ./labctl up", "sudo ./labctl test"]


def test_the_commands_work_in_their_order(fresh: Cli):
    if not (REPO / ".venv" / "bin" / "lab").exists():
        pytest.skip("there is no .venv beside ./labctl: it was not set up by it (probed)")
    for line in [_commands("Start")[0], *_commands("Use")]:
        words = shlex.split(line)
        assert words[:2] == ["sudo", "./labctl"]
        done = subprocess.run(
            words[1:], cwd=REPO, capture_output=True, text=True, check=False, env={**os.environ, "LAB_NAME": fresh.lab}
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    assert not fresh.paths.state.exists()


def test_every_command_is_in_the_table():
    table = set(re.findall(r"^\| `lab (\w+)", TEXT, re.MULTILINE))
    listed = set(re.findall(r"^  (\w+)  ", Cli("test-shared").run("--help").out, re.MULTILINE))
    assert table == listed
