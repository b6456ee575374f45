"""Running programs of this machine; starting those that hold a lab's namespaces, and waiting for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.errors import MachineLacks

START_DEADLINE_S = 20.0


def search_path() -> str:
    """Return the caller's PATH and the folders of system programs, which not every caller has in it."""
    return f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def which(program: str) -> str | None:
    """Return the path of a system program, also where the caller's PATH has no sbin."""
    return shutil.which(program, path=search_path())


def attempt(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with ``text`` as its input; return how it ended."""
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env={"PATH": search_path(), "LANG": "C"}
    )


def run(command: Sequence[str], text: str = "") -> str:
    """Run a command and return its output; raises MachineLacks with its words where it fails."""
    done = attempt(command, text)
    if done.returncode != 0:
        raise MachineLacks(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def private(*folders: Path) -> None:
    """Make each directory that is not there yet, for its user only, in the order given."""
    for folder in folders:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def remove_empty(*folders: Path) -> None:
    """Remove each directory that is there and empty, in the order given."""
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def spawn(command: Sequence[str], variables: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one: own session, nothing of the caller's environment but PATH."""
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            env={"PATH": search_path(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd="/",
        )


def wait(done: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, who: str) -> None:
    """Poll ``done`` until true; raise MachineLacks when the process ended or the deadline passed."""
    end = time.monotonic() + START_DEADLINE_S
    while not done():
        if process.poll() is not None or time.monotonic() > end:
            tail = "; ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
            raise MachineLacks(f"did not start: {tail or 'no answer in time'}", host=who)
        time.sleep(0.005)
