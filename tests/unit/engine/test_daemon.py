"""Starting a daemon, as far as none is started."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from lab.engine.daemon import start_script


@pytest.mark.parametrize("config", [{}, {"log-level": "warn"}, {"labels": ["it's", 'a "b"', "$(reboot)", "100%s"]}])
def test_the_configuration_reaches_the_file_to_the_letter(config: dict):
    (line,) = [line for line in _joined(start_script(config, 30)) if line.startswith("printf")]
    printed = subprocess.run(["sh", "-ec", line.rpartition(">")[0]], capture_output=True, text=True, check=True)
    assert json.loads(printed.stdout) == config


@pytest.mark.parametrize("config", [{}, {"labels": ["it's"]}])
def test_the_script_is_one_that_a_shell_can_read(config: dict):
    subprocess.run(["sh", "-n"], input=start_script(config, 30), text=True, check=True)


def _joined(script: str) -> list[str]:
    """Return the script's commands, those of several lines in one."""
    commands, pending = [], ""
    for line in script.splitlines():
        pending = f"{pending}\n{line}" if pending else line
        try:
            shlex.split(pending)
        except ValueError:
            continue
        commands.append(pending)
        pending = ""
    return commands
