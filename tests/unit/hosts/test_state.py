"""The record of a lab, with real processes."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab.hosts import state
from lab.hosts.base import HostSpec, LabPaths, LabSpec
from lab.hosts.state import LabState, ProcessRecord

SPEC = LabSpec(
    "unit", "198.18.0.0/24", (HostSpec("manager", "198.18.0.11"), HostSpec("worker-1", "198.18.0.12")), "lab.yml"
)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen]:
    """Return a process that does nothing for as long as it is let."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def ended() -> int:
    """Return the pid of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


@pytest.fixture
def known() -> LabState:
    """Return the record of two hosts of which none was started yet."""
    return state.intended(SPEC, "netns", None)


def test_a_record_is_read_as_it_was_written(paths: LabPaths, known: LabState):
    written = state.with_process(known, "manager", os.getpid())
    state.write(paths, written)
    assert state.read(paths) == written


def test_a_lab_that_was_never_made_has_no_record(paths: LabPaths):
    assert state.read(paths) is None


def test_a_record_is_for_its_owner_only_and_leaves_no_draft(paths: LabPaths, known: LabState):
    state.write(paths, known)
    assert stat.S_IMODE(paths.state.stat().st_mode) == 0o700
    assert list(paths.state.iterdir()) == [paths.state_file]


def test_a_record_has_a_version(paths: LabPaths, known: LabState):
    state.write(paths, known)
    assert json.loads(paths.state_file.read_text())["version"] == state.VERSION


def test_the_labs_that_have_a_record_are_known_in_order(paths: LabPaths, known: LabState):
    for name in ("unit-2", "unit"):
        state.write(LabPaths.of(name), known)
    (paths.state.parent / "stranger").mkdir()
    assert state.known_labs(paths.state.parent) == ["unit", "unit-2"]


def test_a_process_that_runs_is_alive(known: LabState, sleeper: subprocess.Popen):
    recorded = state.with_process(known, "manager", sleeper.pid)
    assert recorded.process("manager") == ProcessRecord(sleeper.pid, state.start_time(sleeper.pid))
    assert recorded.process("worker-1") is None


def test_a_process_that_was_killed_is_not(known: LabState, sleeper: subprocess.Popen):
    recorded = state.with_process(known, "manager", sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert recorded.process("manager") is None


def test_neither_is_one_that_has_ended_and_nobody_waited_for(known: LabState):
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as zombie:
        recorded = state.with_process(known, "manager", zombie.pid)
        zombie.stdin.close()
        deadline = time.monotonic() + 5
        while recorded.process("manager") is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert recorded.process("manager") is None
        assert state.start_time(zombie.pid) == -1


def test_neither_is_one_that_had_ended_before_it_was_recorded(known: LabState, ended: int):
    assert state.with_process(known, "manager", ended).process("manager") is None


def test_another_process_with_the_pid_of_an_ended_one_is_not_it(sleeper: subprocess.Popen):
    record = ProcessRecord(sleeper.pid, state.start_time(sleeper.pid))
    assert record.alive()
    assert not replace(record, started=record.started - 1).alive()


def test_nothing_of_another_boot_is_alive(known: LabState, sleeper: subprocess.Popen):
    before = replace(state.with_process(known, "manager", sleeper.pid), boot="of yesterday")
    assert before.process("manager") is None


def test_no_process_is_not_alive():
    assert not ProcessRecord(0, 0).alive()


def test_a_process_may_call_itself_what_it_likes(tmp_path):
    strange = tmp_path / "a) R 1 2 (b c"
    strange.symlink_to("/bin/sleep")
    with subprocess.Popen([strange, "60"]) as process:
        started = state.start_time(process.pid)
        process.kill()
    assert started > 0


def test_processes_that_started_one_after_another_differ(sleeper: subprocess.Popen):
    assert state.start_time(1) < state.start_time(sleeper.pid)


def test_the_boot_is_the_same_until_the_machine_restarts():
    assert state.boot_id() == state.boot_id() != ""


def test_what_is_known_of_a_lab_is_kept_when_hosts_are_added(known: LabState, sleeper: subprocess.Popen):
    recorded = state.with_process(known, "manager", sleeper.pid)
    more = replace(SPEC, hosts=(HostSpec("worker-2", "198.18.0.13"),))
    intended = state.intended(more, "netns", recorded)
    assert list(intended.hosts) == ["manager", "worker-1", "worker-2"]
    assert intended.process("manager") == recorded.process("manager")


def test_processes_of_another_boot_are_forgotten_and_their_hosts_are_not(known: LabState, sleeper: subprocess.Popen):
    before = replace(state.with_process(known, "manager", sleeper.pid), boot="of yesterday")
    intended = state.intended(SPEC, "netns", before)
    assert intended.processes == {}
    assert intended.boot == state.boot_id()
    assert dict(intended.hosts) == dict(before.hosts)


@pytest.mark.parametrize("deaf", [False, True])
def test_a_process_is_ended_and_killed_where_it_does_not_listen(deaf: bool):
    work = (
        f"import signal; {'signal.signal(signal.SIGTERM, signal.SIG_IGN); ' * deaf}print('ready', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        record = ProcessRecord(process.pid, state.start_time(process.pid))
        assert record.end(deadline_s=1)
        assert not record.alive()
        assert process.wait(timeout=5) == -(signal.SIGKILL if deaf else signal.SIGTERM)
        assert record.end(deadline_s=1), "what has gone has gone"


def test_another_process_of_the_same_pid_is_not_ended():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        other = ProcessRecord(process.pid, state.start_time(process.pid) - 1)
        assert other.end(deadline_s=1)
        assert process.poll() is None
        process.communicate(b"\n")
