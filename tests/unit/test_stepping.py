"""Questions of tasks, and the answers of the person at the terminal."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event

import pytest

from lab import stepping
from lab.errors import EXIT_INTERRUPTED
from lab.stepping import Answer, Question, Quit, Rewind, answering

STEP = Question("task-1", "overlay", "Create my-net", "docker network create my-net", ["manager"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "step.sock"


@pytest.fixture
def told() -> list[Question]:
    """What has been asked so far."""
    return []


Answering = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def person(path: Path, told: list[Question]) -> Answering:
    """Return a function that puts a person at the terminal who gives these answers, one after the other."""

    def sit(*answers: Answer) -> AbstractContextManager[None]:
        left = iter(answers)

        def answer(question: Question) -> Answer:
            told.append(question)
            return next(left)

        return answering(path, answer)

    return sit


def ask(path: Path, title: str = STEP.title) -> None:
    stepping.ask(str(path), replace(STEP, title=title))


def test_a_task_goes_on_when_the_answer_is_to_go(person: Answering, path: Path, told: list[Question]):
    with person("go"):
        ask(path)
    assert told == [STEP]


def test_a_task_that_is_to_repeat_the_step_before_is_told_so(person: Answering, path: Path):
    with person("go", "repeat", "go"):
        ask(path)
        with pytest.raises(Rewind):
            ask(path)
        ask(path)


def test_a_task_that_is_to_quit_is_interrupted(person: Answering, path: Path):
    with person("quit"), pytest.raises(Quit) as raised:
        ask(path)
    assert raised.value.code == EXIT_INTERRUPTED


def test_tasks_that_ask_at_once_are_answered_one_after_the_other(path: Path):
    asking, most = [], []

    def answer(question: Question) -> Answer:
        asking.append(question.title)
        most.append(len(asking))
        asking.remove(question.title)
        return "quit" if question.title == "no" else "go"

    with answering(path, answer), ThreadPoolExecutor(max_workers=8) as pool:
        asked = [pool.submit(ask, path, title) for title in ("yes", "no") * 10]
        outcomes = [type(one.exception(timeout=10)) for one in asked]
    assert outcomes == [type(None), Quit] * 10
    assert most == [1] * 20


def _message() -> bytes:
    """Return the question as it goes over the socket: its length, and JSON."""
    body = json.dumps(asdict(STEP)).encode()
    return struct.pack("!i", len(body)) + body


@pytest.mark.parametrize("sent", [0, 2, 20], ids=["before it asks", "in the length", "in the question"])
def test_a_task_that_dies_while_it_asks_is_no_question(person: Answering, path: Path, told: list[Question], sent: int):
    with person("go"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(_message()[:sent])
        ask(path)
    assert told == [STEP]


def test_a_task_that_dies_before_the_answer_does_not_keep_the_next_from_its_own(path: Path):
    asked, died = Event(), Event()

    def answer(_: Question) -> Answer:
        asked.set()
        assert died.wait(10)
        return "go"

    with answering(path, answer):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(_message())
            assert asked.wait(10)
        died.set()
        ask(path)


def test_at_the_end_nobody_answers_any_more(person: Answering, path: Path, told: list[Question]):
    with person():
        pass
    assert not path.exists()
    with pytest.raises(OSError, match="No such file"):
        ask(path)
    assert told == []


def test_the_end_comes_also_where_the_run_fails(person: Answering, path: Path):
    with pytest.raises(ZeroDivisionError), person():
        raise ZeroDivisionError
    assert not path.exists()
