"""The lock of a lab, between real processes."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from lab.errors import LabHeld
from lab.hosts import lock
from lab.hosts.base import LabPaths
from lab.hosts.state import start_time

HOLD = """
import functools, subprocess, sys
from lab.hosts import lock
from lab.hosts.base import LabPaths
start = functools.partial(subprocess.Popen, ["sleep", "60"], stderr=subprocess.DEVNULL)
held = lock.acquire(LabPaths.of(sys.argv[1]), sys.argv[2], wait_s=float(sys.argv[3]))
orphan = start(pass_fds=[held.descriptor], stdout=subprocess.DEVNULL).pid if sys.argv[4:] else 0
print("held", orphan, flush=True)
sys.stdin.read()
held.release()
"""
INODES = """
import subprocess, sys
from pathlib import Path
from lab.hosts import lock
ours, theirs = Path(sys.argv[1], "ours"), Path(sys.argv[1], "theirs")
for folder in (ours, theirs):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    (folder / "lab.lock").touch()
assert (ours / "lab.lock").stat().st_ino == (theirs / "lab.lock").stat().st_ino
with (theirs / "lab.lock").open() as stranger:
    process = subprocess.Popen(["sleep", "60"], pass_fds=[stranger.fileno()])
lock.end_orphans(ours / "lab.lock")
try:
    print("ended", process.wait(0.5))
except subprocess.TimeoutExpired:
    print("untouched")
"""
SPACES = ("unshare", "--mount", "--pid", "--fork", "--mount-proc")

Hold = Callable[..., subprocess.Popen]


@pytest.fixture
def hold(paths: LabPaths) -> Iterator[Hold]:
    """Return a function that starts a process which takes the lock; what is left of them is killed at the end."""
    started: list[subprocess.Popen] = []

    def start(*options: str, doing: str = "lab up", wait_s: float = 0, parent: str = "") -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, paths.name, doing, str(wait_s), *options],
            env={**os.environ, lock.PARENT: parent or "0:0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


def until_held(process: subprocess.Popen) -> int:
    """Wait until a process holds the lock; return the pid of the one that would survive it."""
    line = process.stdout.readline()
    assert line.startswith("held"), process.stderr.read()
    return int(line.split()[1])


def gone(pid: int) -> bool:
    """Wait until a process has ended."""
    deadline = time.monotonic() + 5
    while start_time(pid) != -1 and time.monotonic() < deadline:
        time.sleep(0.01)
    return start_time(pid) == -1


def test_a_free_lab_can_be_taken_again_and_again(paths: LabPaths):
    for _ in range(3):
        lock.acquire(paths, "lab up").release()


def test_nothing_is_left_of_a_lock_that_was_given_back(paths: LabPaths):
    lock.acquire(paths, "lab up").release()
    assert not paths.lock_file.exists()
    assert not paths.lock_file.parent.exists()


def test_giving_a_lock_back_keeps_the_lock_of_another_lab(paths: LabPaths):
    other = lock.acquire(LabPaths.of("unit-2"), "lab up")
    lock.acquire(paths, "lab up").release()
    assert other.path.exists()
    other.release()


def test_a_held_lab_is_refused_naming_the_run_that_holds_it(paths: LabPaths, hold: Hold):
    holder = hold(doing="lab down")
    until_held(holder)
    pattern = rf"lab 'unit' is held by pid {holder.pid} \(lab down, since \d\d:\d\d:\d\d\)"
    for refused in (lambda: lock.acquire(paths, "lab up"), lambda: lock.require_free(paths)):
        with pytest.raises(LabHeld) as raised:
            refused()
        assert re.fullmatch(pattern, raised.value.message)
    assert holder.poll() is None


def test_another_lab_is_free(hold: Hold):
    until_held(hold())
    other = LabPaths.of("unit-2")
    lock.require_free(other)
    lock.acquire(other, "lab up").release()


def test_waiting_ends_when_its_time_is_over(paths: LabPaths, hold: Hold):
    until_held(hold())
    start = time.monotonic()
    with pytest.raises(LabHeld):
        lock.acquire(paths, "lab up", wait_s=0.3)
    assert 0.3 <= time.monotonic() - start < 3


@pytest.mark.parametrize("lab_stays", [True, False], ids=["of a lab that is up", "of a lab that went"])
def test_who_waits_gets_the_lock_when_it_is_given_back(paths: LabPaths, hold: Hold, lab_stays: bool):
    first = hold()
    until_held(first)
    if lab_stays:
        paths.run.mkdir()
    second = hold(wait_s=20)
    time.sleep(0.5)
    assert second.poll() is None
    first.stdin.close()
    assert first.wait(10) == 0
    until_held(second)
    assert lock.read_holder(paths).process.pid == second.pid


def test_of_many_that_ask_at_once_exactly_one_gets_it(hold: Hold):
    asking = [hold() for _ in range(4)]
    lines = [process.stdout.readline() for process in asking]
    assert sorted(bool(line) for line in lines) == [False, False, False, True]


def test_the_lock_of_a_killed_run_is_free(paths: LabPaths, hold: Hold):
    holder = hold()
    until_held(holder)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock.require_free(paths)
    lock.acquire(paths, "lab up").release()


def test_what_a_killed_run_left_behind_is_ended(paths: LabPaths, hold: Hold):
    holder = hold("with an orphan")
    orphan = until_held(holder)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert start_time(orphan) > 0
    lock.acquire(paths, "lab up").release()
    assert gone(orphan)


def test_what_a_living_run_has_started_is_left_alone(paths: LabPaths, hold: Hold):
    child = until_held(hold("with a child"))
    with pytest.raises(LabHeld):
        lock.acquire(paths, "lab up")
    assert start_time(child) > 0
    os.kill(child, signal.SIGKILL)


def test_a_run_is_named_after_the_command_that_started_it(paths: LabPaths, hold: Hold):
    until_held(hold(parent=lock.own_record()))
    with pytest.raises(LabHeld, match=f"pid {os.getpid()} "):
        lock.require_free(paths)


def test_a_run_is_over_when_the_command_that_started_it_was_killed(paths: LabPaths, hold: Hold):
    with subprocess.Popen(["sleep", "60"]) as command:
        holder = hold(parent=f"{command.pid}:{start_time(command.pid)}")
        until_held(holder)
        command.kill()
    lock.require_free(paths)
    lock.acquire(paths, "lab up").release()
    assert holder.wait(5) == -signal.SIGKILL


def test_a_record_of_a_process_whose_pid_was_used_again_holds_nothing(paths: LabPaths):
    held = lock.acquire(paths, "lab up")
    held.release()
    paths.lock_file.parent.mkdir()
    paths.lock_file.write_text(
        '{"process": [%d, 1], "parent": [0, 0], "doing": "lab up", "since": "12:00:00"}' % os.getpid()  # noqa: UP031
    )
    lock.require_free(paths)
    lock.acquire(paths, "lab up").release()


@pytest.mark.parametrize("content", ["", "{", "not json"])
def test_a_file_in_which_nobody_wrote_holds_nothing(paths: LabPaths, content: str):
    paths.lock_file.parent.mkdir(parents=True)
    paths.lock_file.write_text(content)
    assert lock.read_holder(paths) is None
    lock.acquire(paths, "lab up").release()


def no_namespaces() -> str:
    """Return why this machine has no namespaces to try in; empty where it has."""
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    done = subprocess.run([*SPACES, "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip()


def test_a_strangers_file_of_the_same_number_on_another_disk_is_no_lock_of_ours(tmp_path):
    if reason := no_namespaces():
        pytest.skip(reason)
    done = subprocess.run(
        [*SPACES, sys.executable, "-c", INODES, str(tmp_path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "untouched\n", done.stderr


TURN = """
import sys
from lab.hosts import lock
from lab.hosts.base import LabPaths
with lock.turn(LabPaths.of(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_one_process_after_the_other_has_its_turn_also_after_one_that_was_killed(paths: LabPaths):
    paths.run.mkdir(parents=True)

    def process() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", TURN, paths.name]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with process() as first:
        assert first.stdout.readline() == "mine\n"
        with process() as second:
            assert select.select([second.stdout], [], [], 0.5) == ([], [], [])
            first.kill()
            assert second.stdout.readline() == "mine\n"
            second.communicate()
            first.communicate()
    assert list(paths.run.iterdir()) == []
