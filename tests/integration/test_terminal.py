"""What the terminal shows: narrow, without colour, through a pipe, and when nobody reads on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from tests.integration.command import LAB, Cli


def _on_a_terminal(cli: Cli, columns: int, *arguments: str, **variables: str) -> str:
    """Run a command of the lab on a terminal of that width; return everything it wrote."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    process = subprocess.Popen(
        [LAB, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environment, "LAB_NAME": cli.lab, "TERM": "xterm", **variables},
    )
    os.close(slave)
    written = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        written += part
    os.close(master)
    assert process.wait() == 0, written
    return written.decode()


def test_forty_columns_are_enough(lab: Cli):
    out = _on_a_terminal(lab, 40, "status", NO_COLOR="1")
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out).replace("\r", "")
    assert all(len(line) <= 40 for line in plain.splitlines()), out
    for host in ("manager", "worker-1", "worker-2"):
        assert host in out


def test_colours_are_there_on_a_terminal_and_go_with_no_color(lab: Cli):
    assert "\x1b[" in _on_a_terminal(lab, 100, "stage", "list")
    assert "\x1b[" not in _on_a_terminal(lab, 100, "stage", "list", NO_COLOR="1")


def test_a_pipe_gets_plain_lines(lab: Cli):
    out = lab.run("verify").out
    assert "\x1b" not in out
    assert "\r" not in out


@pytest.mark.parametrize("command", [["verify"], ["status"], ["stage", "list"], ["--help"]])
def test_a_reader_that_goes_away_is_no_error(lab: Cli, command: list[str]):
    line = " ".join([f"'{LAB}'", *command])
    script = f"set -o pipefail; {line} | head -1"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env={**os.environ, "LAB_NAME": lab.lab}
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert len(done.stdout.splitlines()) == 1
