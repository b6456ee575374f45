"""The learner's mode on a real terminal: it stops before each step, and a key decides how it goes on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pexpect
import pytest

from tests.integration.command import LAB, Cli
from tests.integration.stages import things

STAGE = "user-defined-overlay"
KEYS = r"q: \S+"


class Terminal:
    """The command on a terminal, answered as a person would."""

    def __init__(self, lab: Cli, *options: str, **environment: str) -> None:
        self.process = pexpect.spawn(
            str(LAB),
            ["stage", "run", STAGE, "--step", *options],
            env={**os.environ, "LAB_NAME": lab.lab, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment},
            encoding="utf-8",
            timeout=60,
            dimensions=(50, 150),
        )
        self.seen = ""

    def step(self, key: str) -> str:
        """Wait for the next stop, press a key; return what was shown until then."""
        self.process.expect(KEYS)
        self.process.send(key)
        return self._taken()

    def rest(self) -> str:
        """Go on to the end; return what was shown."""
        shown = ""
        while self.process.expect([KEYS, pexpect.EOF]) == 0:
            shown += self._taken()
            self.process.send("\r")
        self.process.close()
        return shown + self._taken()

    def _taken(self) -> str:
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", str(self.process.before or ""))
        self.seen += shown
        return shown


@pytest.fixture
def terminal(lab: Cli) -> Iterator[type[Terminal]]:
    """Return what starts the command; whatever is left of it is ended."""
    started: list[Terminal] = []

    def start(*options: str, **environment: str) -> Terminal:
        started.append(Terminal(lab, *options, **environment))
        return started[-1]

    before = things(lab)
    yield start
    for one in started:
        one.process.close(force=True)
    assert lab.run("stage", "clean", STAGE).code == 0
    assert things(lab) == before


def test_each_step_is_shown_before_it_is_taken_and_can_be_repeated(lab: Cli, terminal):
    one = terminal()
    first = one.step("r")
    assert "Step 1 of 7" in first
    assert "On the manager, create the overlay my-overlay" in first
    assert "manager$ docker network create -d overlay my-overlay" in first
    assert "my-overlay" not in {network["Name"] for network in lab.engine("manager").networks()}
    one.step("\r")
    second = one.step("\r")
    (network,) = lab.engine("manager").networks(names=["my-overlay"])
    assert network["Id"] in second
    assert "Step 2 of 7" in second
    assert "Step 3 of 7" in one.step("r")
    again = one.step("\r")
    assert "Step 2 of 7" in again
    assert "docker service create --name my-nginx" in again
    third = one.step("s")
    assert "Step 3 of 7" in third
    one.process.expect(r"[$#] ")
    one.process.sendline("hostname; exit")
    one.process.expect("manager")
    rest = one.step("\r") + one.rest()
    assert one.process.exitstatus == 0, one.seen
    assert re.search(r"pass user-defined-overlay.running  The replica runs\n.*?Step 4 of 7", rest, re.DOTALL)
    assert "manager$ docker service rm my-nginx" in rest


def test_it_speaks_japanese_where_asked_and_where_the_locale_does(terminal):
    for options, locale in ((("--lang", "ja"), "C.UTF-8"), ((), "ja_JP.UTF-8")):
        one = terminal(*options, LC_ALL=locale)
        shown = one.step("q")
        assert "手順 1 / 7" in shown
        assert "オーバーレイネットワーク my-overlay を生成します" in shown
        assert "manager$ docker network create -d overlay my-overlay" in shown
        one.rest()
        assert one.process.exitstatus == 130


def test_quitting_removes_what_the_stage_made(lab: Cli, terminal):
    one = terminal()
    one.step("\r")
    one.step("q")
    one.rest()
    assert one.process.exitstatus == 130, one.seen
    assert "my-overlay" not in {network["Name"] for network in lab.engine("manager").networks()}
