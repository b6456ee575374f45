"""Stopping before each step: a task asks, over a socket of this run, and the person at the terminal answers.

One question and one answer a connection, both JSON. The socket lies in the run's private directory (0700).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Client, Listener
from pathlib import Path
from threading import Thread
from typing import Literal

from lab.errors import EXIT_INTERRUPTED, LabError

Answer = Literal["go", "repeat", "quit"]
VARIABLE = "lab_step"
"""The variable with the socket's path, by which the tasks of a run know that they have to ask."""

_END = b"end"


class Quit(LabError):
    """The person at the terminal wants to go no further."""

    code = EXIT_INTERRUPTED


class Rewind(LabError):
    """The person at the terminal wants the step before this one again."""


@dataclass(frozen=True)
class Question:
    """A step that is about to be taken: its task, the docker command, and the hosts that this belongs to."""

    task_id: str
    stage: str
    title: str
    command: str
    hosts: Sequence[str]


def ask(socket: str, question: Question) -> None:
    """Ask whether to take a step; returns where the answer is to go on, raises Quit or Rewind elsewhere."""
    with Client(socket, "AF_UNIX") as connection:
        connection.send_bytes(json.dumps(asdict(question)).encode())
        answer = connection.recv_bytes().decode()
    if answer == "quit":
        raise Quit("ended at the terminal", hint="what the stage made was removed")
    if answer == "repeat":
        raise Rewind("repeats the step before")


@contextmanager
def answering(socket: Path, answer: Callable[[Question], Answer]) -> Iterator[None]:
    """Answer the questions of a run's tasks, one after the other, in a thread of their own."""
    with Listener(str(socket), "AF_UNIX") as listener:
        thread = Thread(target=_serve, args=(listener, answer), name="stepping", daemon=True)
        thread.start()
        try:
            yield
        finally:
            if thread.is_alive():
                with Client(str(socket), "AF_UNIX") as connection:
                    connection.send_bytes(_END)
            thread.join()


def _serve(listener: Listener, answer: Callable[[Question], Answer]) -> None:
    while True:
        with listener.accept() as connection:
            try:
                asked = connection.recv_bytes()
            except (EOFError, OSError):  # a task that was ended while it asked
                continue
            if asked == _END:
                return
            reply: Answer = "quit"
            try:
                reply = answer(Question(**json.loads(asked)))
            finally:  # where nobody can be asked any more, the run ends instead of waiting
                with suppress(OSError):  # nor does anybody wait for the answer of a task that was ended
                    connection.send_bytes(reply.encode())
