"""Asking for pages, with a real bash at real sockets on loopback."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from lab.hosts.http_request import parse, script

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
Serve = Callable[[Sequence[bytes]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that opens a port, at which each client gets the next answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def give(answers: Sequence[bytes]) -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        def start(answers: Sequence[bytes]) -> int:
            threading.Thread(target=give, args=(answers,), daemon=True).start()
            return server.getsockname()[1]

        yield start


@pytest.fixture
def silent() -> Iterator[int]:
    """Return a port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.2", one.getsockname()[1])):
        yield one.getsockname()[1]


def answers(port: int, *addresses: str, count: int = 1, timeout: float = 5) -> dict[str, list[str]]:
    """Run the script with a plain shell and return what each address answered."""
    done = subprocess.run(
        ["sh", "-c", script({address: address for address in addresses}, port, count, timeout)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    return parse(done.stdout)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (OK, "200"),
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\n", "503"),
        (b"HTTP/1.1 404 Not Found\n\n", "404"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "-"),
        (b"", "-"),
    ],
)
def test_an_answer_is_its_status(serve: Serve, answer: bytes, status: str):
    assert answers(serve([answer]), "127.0.0.1") == {"127.0.0.1": [status]}


def test_a_page_is_asked_for_as_often_as_wanted_one_after_the_other(serve: Serve):
    port = serve([OK, b"HTTP/1.1 500 Oops\r\n\r\n", OK])
    assert answers(port, "127.0.0.1", count=3) == {"127.0.0.1": ["200", "500", "200"]}


def test_each_address_has_its_own_answers(serve: Serve):
    found = answers(serve([OK, OK]), "127.0.0.1", "127.0.0.2", count=2)
    assert found == {"127.0.0.1": ["200", "200"], "127.0.0.2": ["-", "-"]}


def test_who_says_nothing_is_given_up_and_nobody_waits_for_him(silent: int):
    start = time.monotonic()
    assert answers(silent, "127.0.0.1", "127.0.0.2", timeout=0.5) == {"127.0.0.1": ["-"], "127.0.0.2": ["-"]}
    assert 0.5 <= time.monotonic() - start < 0.95


def test_where_nobody_is_asked_nobody_answers():
    assert answers(80) == {}


@pytest.mark.parametrize("output", ["", "sh: 1: bash: not found\n", "manager 2000\n", "manager\n"])
def test_what_is_no_answer_is_not_taken_for_one(output: str):
    assert parse(output) == {}
