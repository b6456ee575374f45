"""A socket of this machine, each of whose connections is a program's input and output; see ``lab.hosts.link``.

``python -m lab.hosts.relay`` takes its order as JSON on its input: path, owner (pid and start time), command,
password. It ends when its owner has.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lab.hosts.state import ProcessRecord

LOOK_S = 0.5
"""How often it looks whether its owner is still there."""
CHUNK = 1 << 16


def main() -> None:
    """Take the order, and serve until the owner ends."""
    order = json.load(sys.stdin)
    path = Path(order["path"])
    os.umask(0o177)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        try:
            serve(listener, ProcessRecord(**order["owner"]), order["command"], order["password"])
        finally:
            path.unlink(missing_ok=True)


def serve(listener: socket.socket, owner: ProcessRecord, command: Sequence[str], password: str) -> None:
    """Run ``command`` for every connection, for as long as ``owner`` lives."""
    while owner.alive():
        ready, _, _ = select.select([listener], [], [], LOOK_S)
        if ready:
            connection, _ = listener.accept()
            threading.Thread(target=_carry, args=(connection, command, password), daemon=True).start()


def _carry(connection: socket.socket, command: Sequence[str], password: str) -> None:
    """Carry one connection: what comes in goes to the program, what that says goes back.

    The program starts with the first words that come in: who only tries whether somebody listens has none.
    """
    with connection:
        chunks = _chunks(connection)
        first = next(chunks, b"")
        if first:
            _run(connection, command, itertools.chain([f"{password}\n".encode()] * bool(password), [first], chunks))


def _run(connection: socket.socket, command: Sequence[str], words: Iterable[bytes]) -> None:
    """Run the program with the words as its input, and its output to the connection."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=connection.fileno(), stderr=subprocess.DEVNULL
    ) as program:
        assert program.stdin is not None
        threading.Thread(target=_hang_up_after, args=(program, connection), daemon=True).start()
        try:
            with program.stdin as entry:
                for chunk in words:
                    entry.write(chunk)
                    entry.flush()
        except (BrokenPipeError, ConnectionResetError):
            program.terminate()


def _hang_up_after(program: subprocess.Popen[bytes], connection: socket.socket) -> None:
    """Tell the other side that nothing more will come once the program has ended, as an engine does after an exec."""
    program.wait()
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _chunks(connection: socket.socket) -> Iterator[bytes]:
    """Yield what comes in until the other side has said all; ssh makes the connection, its output, non-blocking."""
    while True:
        select.select([connection], [], [])
        chunk = connection.recv(CHUNK)
        if not chunk:
            return
        yield chunk


if __name__ == "__main__":
    main()
