"""Going step by step: tasks ask before they act, and a step can be taken again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.engine.client import Engine
from lab.stepping import VARIABLE, Answer, Question, answering
from tests.integration.command import Cli, Done
from tests.integration.playbook import play, write
from tests.integration.sweeping import swept

NAMES = ("step-1", "step-2", "step-3")


@pytest.fixture
def worker(lab: Cli) -> Iterator[Engine]:
    """A worker's engine; what a test makes there is gone at the end."""
    yield from swept(lab.engine("worker-1"))


def _walk(lab: Cli, home: Path, *answers: Answer) -> tuple[Done, list[Question]]:
    """Make a network a step, looking at each, with a person at the terminal who gives these answers."""
    asked: list[Question] = []
    left = iter(answers)

    def answer(question: Question) -> Answer:
        asked.append(question)
        return next(left, "quit")

    tasks = []
    for name in NAMES:
        tasks += [
            {"name": f"Make {name}", "lab.swarm.network": {"name": name, "driver": "bridge"}},
            {"name": f"Verify | Look at {name}", "lab.swarm.network_info": {"name": name}},
        ]
    path = write(home, "worker-1", *tasks)
    socket = home / "step.sock"
    with answering(socket, answer):
        arguments = ("-i", "inventory/netns.yml", "-e", f"{VARIABLE}={socket}", str(path))
        done = play(*arguments, lab=lab.lab, home=home, ANSIBLE_STRATEGY="lab.swarm.stepwise")
    return done, asked


def _made(worker: Engine) -> list[str]:
    return sorted(found["Name"] for found in worker.networks() if found["Name"] in NAMES)


def test_each_step_asks_and_going_back_takes_the_one_before_again_with_its_checks(
    lab: Cli, worker: Engine, tmp_path: Path
):
    done, asked = _walk(lab, tmp_path, "go", "go", "repeat", "repeat", "go", "go", "go")
    assert done.code == 0, done.text
    assert [question.title for question in asked] == [f"Make step-{number}" for number in (1, 2, 3, 2, 1, 2, 3)]
    assert asked[0].command == "docker network create -d bridge step-1"
    assert asked[0].hosts == ["worker-1"]
    assert _made(worker) == list(NAMES)
    assert done.out.count("Verify | Look at step-1") == 2
    assert "changed=3" in done.out


def test_who_quits_takes_no_step_more(lab: Cli, worker: Engine, tmp_path: Path):
    done, asked = _walk(lab, tmp_path, "go", "quit")
    assert [question.title for question in asked] == ["Make step-1", "Make step-2"]
    assert done.code == 2
    assert "ended at the terminal" in done.text
    assert _made(worker) == ["step-1"]
