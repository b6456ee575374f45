"""A run on the terminal, narrow or wide, coloured or plain."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

import pytest
from rich.cells import cell_len
from rich.console import Console

from lab.report.terminal import Progress, show_claims, show_problem, show_result, show_stages
from lab.results import Check, Problem, RunResult, StageResult, judge
from lab.runner import Event
from lab.texts import catalogue

PASSED = judge("s.passes", "It holds", expected=1, observed=1)
FAILED = judge("s.fails", "It holds", expected=["a"], observed=["[b]"])
SKIPPED = judge("s.skipped", "It holds", expected=1, observed=None, skip="the kernel lacks ESP")
SEEN = judge("s.seen", "It holds", expected="whatever", observed="two addresses", record_only=True)
NODE = {"hostname": "manager", "leader": True, "role": "manager", "state": "ready", "availability": "active"}
PING = {"source": "manager", "target": "worker-1", "sent": 2, "received": 2, "rtt_ms": 0.1824}
RESULT = RunResult(
    "unit",
    "lab up",
    1,
    12.34,
    7,
    parts={"lab_host": 1.25, "docker_engine": 0.75, "cross_host_ping": 0.5},
    claims=(PASSED, PASSED, FAILED, SKIPPED, SEEN),
    nodes=({**NODE, "address": "198.18.0.11"},),
    pings=(
        {**PING, "vxlan_out": 2, "vxlan_in": 3},
        {**PING, "target": "w" * 50, "received": 1, "vxlan_out": 2, "vxlan_in": 0},
    ),
    images={"source": "debian", "made_of": "recipe 1, busybox-static 1:1.35.0-4+b3, nginx 1.22.1-9"},
)
SHOW = """
from lab.report import terminal
from lab.results import Problem, RunResult, judge
output, errors = terminal.consoles()
claims = (judge("s.passes", "", expected=1, observed=1), judge("s.fails", "", expected=1, observed=2))
node = dict(hostname="manager", leader=True, role="manager", state="ready", availability="active", address="a")
terminal.show_claims(output, claims)
terminal.show_result(output, RunResult("unit", "lab up", 1, 1.0, 0, claims=claims, nodes=(node,)))
terminal.show_problem(errors, Problem(1, "no answer", "lab up", "manager"))
"""


class Screen:
    """A console of a given width whose text can be read."""

    def __init__(self, width: int = 120) -> None:
        self._file = io.StringIO()
        self.console = Console(file=self._file, width=width, highlight=False)

    @property
    def lines(self) -> list[str]:
        return self._file.getvalue().splitlines()

    @property
    def text(self) -> str:
        return self._file.getvalue()


def walk(screen: Screen, *events: Event, **options: bool) -> list[str]:
    """Show events to their end and return the lines."""
    progress = Progress(screen.console, **options)
    for event in events:
        progress.show(event)
    progress.close()
    return screen.lines


def task(name: str = "Join the swarm", role: str = "swarm") -> Event:
    return Event("task", name, role)


def done(kind: str = "ok", host: str = "worker-1", item: bool = False, took_s: float = 0.25, **result: object) -> Event:
    return Event(kind, host=host, took_s=took_s, result=result, item=item)


def claims(*checks: Check) -> list[dict]:
    return [asdict(check) for check in checks]


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([done(), done(host="worker-2")], "✓ swarm: Join the swarm ok, 0.25 s"),
        ([done(changed=True), done(host="worker-2")], "● swarm: Join the swarm 1 changed, 0.25 s"),
        ([done(), done("failed", "worker-2", took_s=20)], "✗ swarm: Join the swarm failed on worker-2, 20.00 s"),
        ([done("unreachable")], "✗ swarm: Join the swarm failed on worker-1, 0.25 s"),
        ([done("skipped"), done(host="worker-2")], "✓ swarm: Join the swarm ok, 0.25 s"),
        ([done(item=True, changed=True), done()], "✓ swarm: Join the swarm ok, 0.25 s"),
    ],
)
def test_a_step_is_one_line(events: list[Event], line: str):
    assert walk(Screen(), task(), *events) == [line]


def test_a_step_that_was_skipped_everywhere_is_not_shown():
    assert walk(Screen(), task(), done("skipped"), done("skipped", "worker-2")) == []


def test_steps_are_shown_in_their_order_each_once():
    events = [task("One"), done(), task("Two"), done(), Event("stats")]
    assert [line.split()[2] for line in walk(Screen(), *events)] == ["One", "Two"]


def test_a_step_without_a_role_has_its_name_only():
    assert walk(Screen(), task(role=""), done()) == ["✓ Join the swarm ok, 0.25 s"]


def test_names_are_shown_to_the_letter():
    assert "[bold]x[/bold] [/]" in walk(Screen(), task("Look at [bold]x[/bold] [/]"), done())[0]


def test_a_claim_that_does_not_simply_pass_is_shown_below_its_step():
    lines = walk(Screen(), task(), done(claims=claims(PASSED, FAILED, SKIPPED, SEEN)))
    assert lines[1:] == [
        "    fail s.fails: expected ['a'], observed ['[b]']",
        "    skip s.skipped: the kernel lacks ESP",
        "    seen s.seen: two addresses",
    ]


def test_explained_a_step_has_its_command_before_and_its_output_and_claims_after():
    command = Event("text", text="lab-command worker-1 docker network ls [x]")
    events = [task(), command, done(output="NAME\n[my-net]\n", claims=claims(PASSED))]
    assert walk(Screen(), *events, explain=True) == [
        "worker-1$ docker network ls [x]",
        "✓ swarm: Join the swarm ok, 0.25 s",
        "    NAME",
        "    [my-net]",
        "    pass s.passes",
    ]


@pytest.mark.parametrize(("verbose", "shown"), [(True, ["Using ansible.cfg [x]"]), (False, [])])
def test_what_ansible_says_is_shown_where_it_was_asked_for(verbose: bool, shown: list[str]):
    assert walk(Screen(), Event("text", text="\nUsing ansible.cfg [x]\n"), verbose=verbose) == shown


def test_ansibles_own_look_at_the_arguments_is_no_step():
    assert walk(Screen(), task("Validating arguments against arg spec 'main'"), done()) == []


def test_in_a_pipe_there_are_plain_lines():
    screen = Screen()
    walk(screen, task(), done(changed=True), done("failed", "worker-2"))
    show_result(screen.console, RESULT)
    show_problem(screen.console, Problem(4, "no answer"))
    assert "\x1b" not in screen.text
    assert "\r" not in screen.text


def test_the_result_has_nodes_pings_claims_images_and_times():
    screen = Screen(200)
    show_result(screen.console, RESULT)
    rows = [line.split() for line in screen.lines]
    assert ["manager", "leader", "ready", "active", "198.18.0.11"] in rows
    assert ["manager", "worker-1", "0%", "0.182", "2/3"] in rows
    assert ["manager", "w" * 50, "50%", "0.182", "2/0"] in rows
    assert screen.lines[-3] == "claims: 2 pass, 1 fail, 1 skip, 1 observed"
    assert screen.lines[-2].startswith("images: debian (recipe 1, busybox-static")
    assert screen.lines[-1] == (
        "time: lab_host 1.2 s, docker_engine 0.8 s, cross_host_ping 0.5 s; 12.3 s in all; changed=7"
    )


def test_a_ping_that_was_never_sent_is_lost():
    screen = Screen()
    lost = {**PING, "sent": 0, "received": 0, "vxlan_out": 0, "vxlan_in": 0}
    show_result(screen.console, RunResult("unit", "lab up", 1, 1.0, 0, pings=(lost,)))
    assert "100%" in screen.text


def test_a_result_with_nothing_in_it_is_its_time():
    screen = Screen()
    show_result(screen.console, RunResult("unit", "lab down", 0, 0.52, 0))
    assert screen.lines == ["time: 0.5 s in all; changed=0"]


@pytest.mark.parametrize("width", [40, 60])
def test_nothing_is_wider_than_the_terminal_and_nothing_is_cut(width: int):
    screen = Screen(width)
    walk(screen, task("Wait until every node of the swarm is ready and active"), done("failed", "worker-" + "1" * 50))
    show_result(screen.console, RESULT)
    assert max(map(len, screen.lines)) <= width
    assert "…" not in screen.text
    squeezed = re.sub(r"\s", "", screen.text)
    assert "worker-" + "1" * 50 in squeezed
    assert squeezed.count("w") >= 50


WALKED = StageResult("default-overlay", 12.34, (PASSED, FAILED, SKIPPED, SEEN), unjudged=("s.a", "s.b"))


def test_the_stages_are_a_table_without_a_total_where_there_is_one():
    screen = Screen()
    show_stages(screen.console, [WALKED], catalogue("en"))
    assert [line.split() for line in screen.lines] == [
        ["STAGE", "PASSED", "FAILED", "SKIPPED", "OBSERVED", "NOT", "JUDGED", "TIME"],
        ["default-overlay", "1", "1", "1", "1", "2", "12.3", "s"],
    ]


def test_several_stages_are_summed_up_also_where_one_was_walked_twice():
    screen = Screen()
    show_stages(screen.console, [WALKED, WALKED, StageResult("create-swarm", 1.0, (PASSED,))], catalogue("en"))
    assert [line.split()[0] for line in screen.lines[1:3]] == ["default-overlay"] * 2
    assert screen.lines[-1].split() == ["in", "all", "3", "2", "2", "2", "4", "25.7", "s"]


@pytest.mark.parametrize("width", [30, 70])
def test_the_stages_in_japanese_stay_within_the_terminal(width: int):
    screen = Screen(width)
    show_stages(screen.console, [WALKED, WALKED], catalogue("ja"))
    assert max(map(cell_len, screen.lines)) <= width
    assert "未判定" in screen.text
    assert "12.3 秒" in screen.text


def test_with_words_a_claim_tells_what_it_says():
    screen = Screen()
    claim = judge("default-overlay.peers", "Peers [x]", expected=1, observed=2)
    show_claims(screen.console, [claim], catalogue("en"))
    show_claims(screen.console, [claim], catalogue("ja"))
    assert screen.lines == [
        "fail default-overlay.peers  Peers [x]: expected 1, observed 2",
        "fail default-overlay.peers  Peers には、タスクのあるホストが並びます: expected 1, observed 2",
    ]


def test_what_is_to_be_copied_is_left_to_the_terminal_to_fold():
    screen = Screen(40)
    show_claims(screen.console, [judge("s.fails", "", expected="a" * 50, observed="b" * 50)])
    show_problem(screen.console, Problem(4, "no answer from " + "c" * 50, "lab up"))
    walk(screen, Event("text", text="lab-command manager docker " + "d" * 50))
    assert [bool(re.search("([a-d])\\1{49}", line)) for line in screen.lines] == [True, True, True]


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem(1, "no answer"), "error: no answer"),
        (Problem(1, "no [x] answer", "try [y]", "manager"), "error: manager: no [x] answer (try [y])"),
        (Problem(2, "wrong", host="localhost"), "error: wrong"),
    ],
)
def test_a_problem_is_one_line_with_host_and_hint(problem: Problem, line: str):
    screen = Screen()
    show_problem(screen.console, problem)
    assert screen.lines == [line]


def on_terminal(command: Sequence[str], **environment: str) -> str:
    """Run a command on a real terminal and return what it wrote there."""
    ours, theirs = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**kept, "TERM": "xterm-256color", **environment}
    )
    os.close(theirs)
    written = b""
    try:
        while more := os.read(ours, 4096):
            written += more
    except OSError:  # the other side has closed
        pass
    os.close(ours)
    assert process.wait() == 0, written
    return written.decode()


def test_a_terminal_gets_colours():
    assert "\x1b[31mfail" in on_terminal([sys.executable, "-c", SHOW])


def test_no_color_means_no_escape_codes():
    text = on_terminal([sys.executable, "-c", SHOW], NO_COLOR="1")
    assert "fail s.fails" in text
    assert re.findall(r"\x1b\[[0-9;]*m", text) == []


def test_a_terminal_is_as_wide_as_it_says():
    text = on_terminal([sys.executable, "-c", SHOW], NO_COLOR="1", COLUMNS="40")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert max(map(len, lines)) <= 40


def test_a_reader_that_goes_away_does_not_end_the_run():
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" | true', sys.executable, SHOW], capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr
    assert "error: manager: no answer" in done.stderr
