"""A person at a terminal: prompts, echoes, and what is between them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import pytest

from lab.engine.session import DETACH, PROMPT, Typed, detach, type_lines
from lab.errors import ClaimFailed

ASK = b"/ # \x1b[6n"
Terminal = Callable[..., SimpleNamespace]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """Return a function that makes an engine whose only terminal gives these answers, one for each line typed.

    The first is for the empty line that wakes the prompt; any may come in pieces. After the last, the session
    ``ends`` by itself, or says nothing more until somebody detaches; one that is ``deaf`` does not notice that.
    """
    ours, theirs = socket.socketpair()

    def serve(answers: Sequence[bytes | Sequence[bytes]], ends: bool, deaf: bool) -> None:
        with theirs, theirs.makefile("rb") as typed:
            for answer in answers:
                typed.readline()
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    theirs.sendall(piece)
                    time.sleep(0.02)
            if not ends:
                typed.read(-1 if deaf else len(DETACH))

    def start(answers: Sequence[bytes | Sequence[bytes]], *, ends: bool = False, deaf: bool = False) -> SimpleNamespace:
        threading.Thread(target=serve, args=(answers, ends, deaf), daemon=True).start()
        stream = SimpleNamespace(_sock=ours, close=lambda: None)
        return SimpleNamespace(attach_socket=lambda *_, **__: stream)

    yield start
    ours.close()


def typed(engine: SimpleNamespace, *lines: str) -> list[Typed]:
    return type_lines(engine, "alpine1", lines, deadline_s=5)


@pytest.mark.parametrize(
    "shown", [b"/ # ", b"\r\n/ # ", b"/tmp # ", b"$ ", b"a\r\n~ # \x1b[6n", b"/ # ls\r\nbin\r\n/ # "]
)
def test_a_shell_that_waits_shows_a_prompt(shown: bytes):
    assert PROMPT.search(shown)


@pytest.mark.parametrize("shown", [b"", b"/ #", b"/ # ls", b"/ # \r\n", b"64 bytes from 10.0.1.5\r\n", b"100%"])
def test_one_that_does_not_wait_shows_none(shown: bytes):
    assert not PROMPT.search(shown)


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        (b"hostname\r\nalpine1\r\n/ # ", "alpine1"),
        (b"hostname\r\nalpine1\r\n" + ASK, "alpine1"),
        (b"hostname\r\na\r\n\r\nb\r\n/ # ", "a\n\nb"),
        (b"hostname\r\n/ # ", ""),
        (b"hostname\r\n\x1b[1;31mred\x1b[0m\r\n/ # ", "red"),
        (b"hostname\r\n# not a prompt\r\n/ # ", "# not a prompt"),
        (b"hostname\r\n\xff\r\n/ # ", "�"),
        ("hostname\r\n10 €\r\n/ # ".encode(), "10 €"),
    ],
)
def test_the_output_is_what_stands_between_echo_and_prompt(terminal: Terminal, answer: bytes, output: str):
    assert typed(terminal([b"\r\n/ # ", answer]), "hostname") == [Typed("hostname", output)]


def test_an_echo_that_comes_in_pieces_is_no_prompt(terminal: Terminal):
    engine = terminal([b"\r\n/ # ", (b"echo $$ ", b"# \r\n1\r\n/ # ")])
    assert typed(engine, "echo $$ # ") == [Typed("echo $$ # ", "1")]


def test_each_line_has_its_own_output(terminal: Terminal):
    engine = terminal([b"\r\n/ # ", b"echo a\r\na\r\n/ # ", b"cd /tmp\r\n/tmp # ", b"pwd\r\n/tmp\r\n/tmp # "])
    assert [line.output for line in typed(engine, "echo a", "cd /tmp", "pwd")] == ["a", "", "/tmp"]


def test_a_session_may_end_instead_of_a_prompt(terminal: Terminal):
    assert typed(terminal([b"\r\n/ # ", b"exit\r\n"], ends=True), "exit") == [Typed("exit", "")]


def test_a_terminal_without_a_prompt_is_given_up(terminal: Terminal):
    with pytest.raises(ClaimFailed, match=r"alpine1 shows no prompt within 0\.2 s.*still starting"):
        type_lines(terminal([b"still starting\r\n"]), "alpine1", ["ls"], deadline_s=0.2)


def test_a_terminal_that_stops_in_the_middle_is_given_up(terminal: Terminal):
    with pytest.raises(ClaimFailed, match="64 bytes"):
        type_lines(terminal([b"/ # ", b"ping b\r\n64 bytes\r\n"]), "alpine1", ["ping b"], deadline_s=0.2)


def test_detaching_is_over_when_the_engine_ends_the_attachment(terminal: Terminal):
    assert detach(terminal([b"\r\n/ # "]), "alpine1", deadline_s=5)


def test_it_is_not_over_while_the_attachment_lasts(terminal: Terminal):
    assert not detach(terminal([b"\r\n/ # "], deaf=True), "alpine1", deadline_s=0.3)
