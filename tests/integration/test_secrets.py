"""No join token or unlock key anywhere but in the engines: not in files, artifacts, logs, argument lists or JSON."""

from __future__ import annotations

import os
import re
import stat
import threading
from pathlib import Path

from lab.hosts.base import run_home, state_home
from tests.integration.command import Cli

SECRET = re.compile(rb"SWM(?:TKN|KEY)-[0-9A-Za-z-]+")


def _in_files(*folders: Path) -> dict[str, bytes]:
    found = {}
    for path in (Path(at) / name for folder in folders for at, _, names in os.walk(folder) for name in names):
        try:
            content = path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else b""
        except OSError:
            continue
        if match := SECRET.search(content):
            found[str(path)] = match[0]
    return found


def _in_processes() -> dict[str, bytes]:
    """Return the processes that show a secret in their arguments or their environment."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        for part in ("cmdline", "environ"):
            try:
                content = (process / part).read_bytes()
            except OSError:
                continue
            if match := SECRET.search(content):
                found[f"{process.name} {part}"] = match[0]
    return found


class _Watch(threading.Thread):
    """Looks again and again, while a run goes on, at everything that the run writes or starts."""

    def __init__(self, cli: Cli) -> None:
        super().__init__()
        self._folders = (cli.paths.state / "runner", cli.paths.run)
        self._over = threading.Event()
        self.found: dict[str, bytes] = {}
        self.rounds = 0

    def run(self) -> None:
        while not self._over.wait(0.02):
            self.found |= _in_files(*self._folders) | _in_processes()
            self.rounds += 1

    def stop(self) -> None:
        assert self.is_alive(), "the watch ended before the run did"
        self._over.set()
        self.join()


def test_no_secret_leaves_the_engines(fresh: Cli, tmp_path: Path):
    watch = _Watch(fresh)
    watch.start()
    try:
        done = fresh.run("up", "-vvv", "--json", str(tmp_path / "result.json"))
        again = fresh.run("stage", "clean", "standalone-containers", "--explain", "-vvv", "--json", "-")
    finally:
        watch.stop()
    assert done.code == 0
    assert watch.rounds > 10
    assert watch.found == {}
    assert not SECRET.search((done.text + again.text).encode())
    assert not SECRET.search((tmp_path / "result.json").read_bytes())
    assert _in_files(state_home(), run_home()) == {}


def test_a_secret_would_be_found(lab: Cli, tmp_path: Path):
    token = lab.engine("manager").inspect_swarm()["JoinTokens"]["Worker"]
    (tmp_path / "log").write_text(f"joined with {token}")
    assert _in_files(tmp_path) == {str(tmp_path / "log"): token.encode()}
