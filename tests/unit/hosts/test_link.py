"""Links to hosts: the relay with real processes and sockets, and ssh's words in ours."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from lab.hosts import link
from lab.hosts.base import LabPaths, Route
from lab.hosts.state import ProcessRecord
from lab.polling import until

ECHO = Route(("sh", "-c", "exec cat", "ssh"), "host", dial=True)
"""A way on which whatever is said comes back; the words of a real one follow as arguments that nobody reads."""


@pytest.fixture
def paths(tmp_path: Path) -> LabPaths:
    return LabPaths("lab", tmp_path / "state", tmp_path / "run")


@pytest.fixture
def owner():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def say(path: Path, text: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(text)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(100), b""))


def gone(record: ProcessRecord | None) -> bool:
    assert record is not None
    return until(record.alive, lambda alive: not alive, deadline_s=10, every_s=0.02)[0] is False


def test_a_relay_carries_each_connection_both_ways(paths: LabPaths, owner):
    path = link.ensure(paths, "worker-1", ECHO, owner.pid)
    assert path == paths.engine_socket("worker-1")
    assert [say(path, b"hello"), say(path, b"again")] == [b"hello", b"again"]
    link.close(paths, owner=owner.pid)


def test_what_ends_at_the_other_side_ends_here(paths: LabPaths, owner):
    brief = Route(("sh", "-c", "echo bye", "ssh"), "host", dial=True)
    path = link.ensure(paths, "worker-1", brief, owner.pid)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(b"hello")
        assert b"".join(iter(lambda: client.recv(100), b"")) == b"bye\n"
    link.close(paths, owner=owner.pid)


def test_who_says_nothing_starts_nothing(paths: LabPaths, owner, tmp_path: Path):
    marks = tmp_path / "marks"
    leaves_a_mark = Route(("sh", "-c", f"echo started >>{marks}; exec cat", "ssh"), "host", dial=True)
    path = link.ensure(paths, "worker-1", leaves_a_mark, owner.pid)
    assert [link.answers(path) for _ in range(3)] == [True] * 3
    assert [say(path, b"hello"), say(path, b"again")] == [b"hello", b"again"]
    assert marks.read_text().splitlines() == ["started"] * 2
    link.close(paths, owner=owner.pid)


def test_its_socket_is_for_its_user_only(paths: LabPaths, owner):
    path = link.ensure(paths, "worker-1", ECHO, owner.pid)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    link.close(paths, owner=owner.pid)


def test_sudos_password_comes_first_and_is_written_nowhere(paths: LabPaths, owner):
    path = link.ensure(paths, "worker-1", ECHO, owner.pid, password="correct-horse")
    assert say(path, b"hello") == b"correct-horse\nhello"
    assert "correct-horse" not in link.record(paths, "worker-1").read_text()
    known = link.read(paths, "worker-1")
    assert known is not None
    assert known.relay is not None
    assert b"correct-horse" not in Path(f"/proc/{known.relay.pid}/cmdline").read_bytes()
    assert b"correct-horse" not in Path(f"/proc/{known.relay.pid}/environ").read_bytes()
    link.close(paths, owner=owner.pid)


def test_a_second_link_of_the_same_run_is_the_first(paths: LabPaths, owner):
    link.ensure(paths, "worker-1", ECHO, owner.pid)
    first = link.read(paths, "worker-1")
    link.ensure(paths, "worker-1", ECHO, owner.pid)
    assert link.read(paths, "worker-1") == first
    link.close(paths, owner=owner.pid)


def test_closing_ends_the_relay_and_leaves_nothing(paths: LabPaths, owner):
    link.ensure(paths, "worker-1", ECHO, owner.pid)
    known = link.read(paths, "worker-1")
    assert known is not None
    assert link.close(paths, owner=owner.pid) == []
    assert gone(known.relay)
    assert not paths.run.exists()


def test_a_relay_ends_with_the_run_that_it_belongs_to(paths: LabPaths, owner):
    link.ensure(paths, "worker-1", ECHO, owner.pid)
    known = link.read(paths, "worker-1")
    assert known is not None
    owner.kill()
    owner.wait()
    assert gone(known.relay)
    assert not paths.engine_socket("worker-1").exists()


def test_what_another_run_uses_stays(paths: LabPaths, owner):
    path = link.ensure(paths, "worker-1", ECHO, owner.pid)
    link.close(paths, owner=os.getpid())
    assert link.answers(path)
    link.close(paths, all_runs=True)
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@\nHost key verification failed.", "ssh-keygen -R"),
        ("No ED25519 host key is known\nHost key verification failed.", "compare the fingerprint"),
        ("admin@h: Permission denied (publickey).", "ansible_user"),
        ("ssh: Could not resolve hostname h: Name or service not known", "does not resolve"),
        ("ssh: connect to host h port 22: Connection refused", "ansible_port"),
        ("ssh: connect to host h port 22: Connection timed out", "is it up?"),
        ("something\nquite else\n", "SSH: quite else"),
        ("", "SSH: no connection"),
    ],
)
def test_what_ssh_says_becomes_what_to_do(words: str, told: str):
    assert told in str(link.explained(words))
