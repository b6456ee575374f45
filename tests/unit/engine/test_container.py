"""Containers, as far as no engine is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
from docker.errors import APIError

from lab.engine import container
from lab.engine.container import ContainerSpec, exec_command_line, summary
from lab.errors import LabError


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (ContainerSpec("web", "unit", "nginx"), "docker run -d --name web nginx"),
        (
            ContainerSpec("alpine1", "unit", "alpine", "test-net", interactive=True, tty=True, detach=False),
            "docker run -it --name alpine1 --network test-net alpine",
        ),
        (
            ContainerSpec("alpine2", "unit", "alpine", "test-net", interactive=True, tty=True),
            "docker run -dit --name alpine2 --network test-net alpine",
        ),
        (
            ContainerSpec("", "unit", "alpine", command=("ping", "-c", "2", "a b"), detach=False, remove=True),
            "docker run --rm alpine ping -c 2 'a b'",
        ),
        (ContainerSpec("web", "unit", "nginx", hostname="host2"), "docker run -d --name web --hostname host2 nginx"),
        (ContainerSpec("web", "unit", "nginx", restart="always"), "docker run -d --name web --restart always nginx"),
    ],
)
def test_a_container_is_run_as_the_tutorial_types_it(spec: ContainerSpec, line: str):
    assert spec.command_line() == line


def test_a_command_in_a_container_is_typed_so():
    assert exec_command_line("alpine1", ["sh", "-c", "echo $HOME"]) == "docker exec alpine1 sh -c 'echo $HOME'"


def inspected(networks: dict | None = None) -> dict:
    return {
        "State": {"Status": "running"},
        "Config": {"Image": "alpine"},
        "NetworkSettings": {"Networks": networks},
    }


def test_the_summary_has_state_image_and_addresses_in_order():
    networks = {"test-net": {"IPAddress": "10.0.1.2"}, "bridge": {"IPAddress": "172.17.0.2"}}
    seen = summary(inspected(networks))
    assert seen == {
        "state": "running",
        "image": "alpine",
        "networks": {"bridge": "172.17.0.2", "test-net": "10.0.1.2"},
    }
    assert list(seen["networks"]) == ["bridge", "test-net"]


def test_a_container_that_is_absent_or_on_no_network_has_an_empty_summary():
    assert summary(None) == {}
    assert summary(inspected())["networks"] == {}


LATE = "attaching to network failed, make sure your network options are correct: context deadline exceeded"


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What becomes of each container, one engine call after the other, but for the engine's own answer to a start."""
    calls: list[str] = []
    monkeypatch.setattr(container, "create", lambda *_: calls.append("create") or "c0ffee")
    monkeypatch.setattr(container, "_remove", lambda *_: calls.append("remove"))
    return calls


class SlowSwarm:
    """An engine's answer to a start whose overlay comes with the given try."""

    def __init__(self, comes_with: int, words: str = LATE) -> None:
        self.starts, self.comes_with, self.words = 0, comes_with, words

    def start(self, _: str) -> None:
        self.starts += 1
        if self.starts < self.comes_with:
            raise APIError("500 Server Error", explanation=self.words)


SPEC = ContainerSpec("alpine1", "unit", "alpine", "test-net")


def test_a_container_is_made_again_while_its_overlay_is_late(starts: list[str]):
    turns: list[int] = []

    @contextmanager
    def turn() -> Iterator[None]:
        turns.append(starts.count("create"))
        yield

    assert container._run(SlowSwarm(comes_with=container.ATTACHMENTS), SPEC, turn) == "c0ffee"
    assert starts == ["create", "remove"] * (container.ATTACHMENTS - 1) + ["create"]
    assert turns == list(range(1, container.ATTACHMENTS)), "every try but the first in its turn"


@pytest.mark.parametrize(("words", "times"), [(LATE, container.ATTACHMENTS), ("no such image", 1)])
def test_it_is_given_up_with_the_engines_words(starts: list[str], words: str, times: int):
    with pytest.raises(LabError, match=words.split(",", maxsplit=1)[0]):
        container._run(SlowSwarm(comes_with=9, words=words), SPEC, nullcontext)
    assert starts.count("create") == times
