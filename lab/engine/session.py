"""A person at a container's terminal: attach, type, read, detach (Engine API: /containers/{id}/attach)."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lab.engine.client import Engine, reported
from lab.errors import ClaimFailed

_WAITS = rb"[^\r\n]*[#$] (?:\x1b\[6n)?$"
PROMPT = re.compile(rb"(?:^|[\r\n])" + _WAITS)
"""What a shell shows when it waits for a line: busybox's ash prints the directory before the sign."""

_NEXT_PROMPT = re.compile(rb"[\r\n]" + _WAITS)
"""The one after a typed line: the line's own echo, which comes in pieces, may end in ``$ `` as well."""

_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
DETACH = b"\x10\x11"
"""Ctrl-p ctrl-q, the engine's default detach sequence."""


@dataclass(frozen=True)
class Typed:
    """A line that was typed into the terminal, and what appeared after it."""

    line: str
    output: str


@contextmanager
def attached(engine: Engine, name: str) -> Iterator[socket.socket]:
    """Attach to a running container's terminal; yields the raw connection, closed at the end."""
    with reported(f"attach to container {name}"):
        stream = engine.attach_socket(name, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    connection: socket.socket = stream._sock
    try:
        yield connection
    finally:
        stream.close()
        connection.close()


def type_lines(engine: Engine, name: str, lines: Sequence[str], *, deadline_s: float) -> list[Typed]:
    """Type each line at the terminal and return what came; see ``converse``."""
    return converse(engine, name, lines, deadline_s=deadline_s)[0]


def detach(engine: Engine, name: str, *, deadline_s: float) -> bool:
    """Attach, type ctrl-p ctrl-q, and tell whether the engine then ended the attachment."""
    return converse(engine, name, (), deadline_s=deadline_s, detaches=True)[1]


def converse(
    engine: Engine, name: str, lines: Sequence[str], *, deadline_s: float, detaches: bool = False
) -> tuple[list[Typed], bool]:
    """Attach; type each line at the prompt, wait for the next prompt (or the end of the session), return what came.

    With ``detaches``, type ctrl-p ctrl-q at the end, and tell whether the engine then ended the attachment.
    Raises ClaimFailed where the terminal shows no prompt within ``deadline_s`` seconds.
    """
    typed = []
    with attached(engine, name) as connection:
        connection.sendall(b"\n")
        _read(connection, deadline_s, name)
        for line in lines:
            connection.sendall(line.encode() + b"\n")
            typed.append(Typed(line, _clean(_read(connection, deadline_s, name, _NEXT_PROMPT), line)))
        return typed, detaches and _detached(connection, deadline_s)


def _detached(connection: socket.socket, deadline_s: float) -> bool:
    """Type ctrl-p ctrl-q, and tell whether the other side closes."""
    connection.sendall(DETACH)
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if select.select([connection], [], [], 0.1)[0] and not connection.recv(4096):
            return True
    return False


def _read(connection: socket.socket, deadline_s: float, name: str, prompt: re.Pattern[bytes] = PROMPT) -> bytes:
    """Read until a prompt stands last, or the other side closes."""
    end = time.monotonic() + deadline_s
    seen = b""
    while not prompt.search(seen):
        left = end - time.monotonic()
        if left <= 0 or not select.select([connection], [], [], left)[0]:
            raise ClaimFailed(f"the terminal of {name} shows no prompt within {deadline_s:g} s: {seen[-80:]!r}")
        more = connection.recv(4096)
        if not more:
            break
        seen += more
    return seen


def _clean(seen: bytes, line: str) -> str:
    """Return what appeared between the echo of a typed line and the next prompt."""
    text = _ESCAPES.sub(b"", seen).decode(errors="replace").replace("\r", "")
    lines = text.split("\n")
    if lines and lines[0].strip() == line.strip():
        lines = lines[1:]
    if lines and re.search(r"[#$] $", lines[-1]):
        lines = lines[:-1]
    return "\n".join(lines).strip("\n")
