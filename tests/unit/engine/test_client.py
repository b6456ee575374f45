"""Reaching an engine: sockets that are missing, dead, silent or talk nonsense."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker.errors import APIError, DockerException

from lab.engine.client import answers, connect, reported, wait_until_up
from lab.errors import HostUnreachable, LabError

Listen = Callable[[bytes], Path]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"


@pytest.fixture
def dead(tmp_path: Path) -> Path:
    """Return a socket that an engine left behind."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    return path


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Listen]:
    """Return a function that makes a socket behind which somebody gives the same answer to everything."""
    with socket.socket(socket.AF_UNIX) as server:

        def serve(answer: bytes) -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        def start(answer: bytes) -> Path:
            server.bind(str(tmp_path / "docker.sock"))
            server.listen()
            threading.Thread(target=serve, args=(answer,), daemon=True).start()
            return tmp_path / "docker.sock"

        yield start
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """Return a socket that accepts connections and never says anything."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "docker.sock"))
        server.listen()
        yield tmp_path / "docker.sock"


def test_where_there_is_no_socket_no_engine_is_reachable(tmp_path: Path):
    with pytest.raises(HostUnreachable, match="no engine is reachable") as raised:
        connect(tmp_path / "docker.sock")
    assert "lab up" in raised.value.hint
    assert not answers(tmp_path / "docker.sock")


def test_a_socket_that_was_left_behind_does_not_answer(dead: Path):
    with pytest.raises(HostUnreachable, match="does not answer") as raised:
        connect(dead)
    assert str(dead) in raised.value.hint
    assert not answers(dead)


def test_neither_does_one_that_is_silent(silent: Path):
    with pytest.raises(HostUnreachable, match="does not answer"):
        connect(silent, timeout_s=1)
    assert not answers(silent, timeout_s=1)


def test_neither_does_one_that_talks_nonsense(listen: Listen):
    nonsense = listen(b"SSH-2.0-OpenSSH_9.2\r\n")
    with pytest.raises(HostUnreachable, match="does not answer"):
        connect(nonsense)
    assert not answers(nonsense)


def test_an_engine_that_says_ok_answers(listen: Listen):
    path = listen(OK)
    assert answers(path)
    assert wait_until_up(path, 5) < 5


def test_waiting_for_an_engine_ends(dead: Path):
    start = time.monotonic()
    with pytest.raises(HostUnreachable, match="within 1 s"):
        wait_until_up(dead, 1)
    assert 1 <= time.monotonic() - start < 5


def test_an_error_of_the_engine_keeps_its_words_and_says_what_was_being_done():
    with pytest.raises(LabError, match=r"^swarm join: context deadline exceeded$") as raised, reported("swarm join"):
        raise APIError("500 Server Error", explanation="context deadline exceeded")
    assert not isinstance(raised.value, HostUnreachable)


def test_an_engine_that_went_away_is_unreachable():
    with pytest.raises(HostUnreachable, match=r"^list nodes: gone$"), reported("list nodes"):
        raise DockerException("gone")


def test_an_error_of_ours_is_not_changed():
    with pytest.raises(ZeroDivisionError), reported("list nodes"):
        raise ZeroDivisionError
