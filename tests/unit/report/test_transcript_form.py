"""A run as Markdown: the tutorial as it went."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from lab import __version__
from lab.errors import InvalidInput
from lab.report import transcript_form
from lab.results import Check, Problem, RunResult, StageResult, Step, judge
from lab.texts import catalogue

EN, JA = catalogue("en"), catalogue("ja")
WHEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
STAGE = "default-overlay"
CREATE, INSPECT = "On the manager, create the overlay nginx-net", "On every host, inspect nginx-net"
PASSED = judge(f"{STAGE}.peers", "Peers lists the hosts", expected=1, observed=1)
FAILED = judge(f"{STAGE}.endpoint", "It publishes", expected={"port": 80}, observed=["a`b"])
SKIPPED = judge(f"{STAGE}.mesh-spreads", "Requests spread", expected=1, observed=None, skip="no IPVS in this kernel")
SEEN = judge(f"{STAGE}.unused-network-on-workers", "Whether", expected="", observed=["worker-1"], record_only=True)
LOST = Problem(4, "no answer", "lab up", "worker-1")


def step(name: str, host: str = "manager", command: str = "docker x", output: str = "out") -> Step:
    return Step(name, "stage_default_overlay", host, True, 0.1, command, output)


def transcript(*entries: Step | Check, words=EN, **more) -> str:
    """Return the transcript of one walk through a stage."""
    walked = StageResult(STAGE, 12.3, entries, **more)
    result = RunResult("unit", "lab stage run", 0, 13.0, 1, claims=walked.claims, stages=(walked,))
    return transcript_form.text(result, words, WHEN)


def sections(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("#")]


def test_it_begins_with_lab_hosts_program_and_time():
    lines = transcript(step(CREATE), step(INSPECT, "worker-1"), step(INSPECT)).splitlines()
    assert lines[:6] == [
        "# Docker's overlay tutorial, as it went",
        "",
        "- Lab: unit",
        "- Hosts: manager, worker-1",
        f"- Program: lab {__version__}, `lab stage run`",
        "- Written: 2024-05-06 07:08:09+00:00",
    ]


def test_a_step_has_its_title_why_command_and_output():
    text = transcript(step(CREATE, command="docker network create -d overlay nginx-net", output="id1\n"))
    assert f"### {CREATE}\n\n{EN.step_why(STAGE, CREATE)}\n\n```console\nmanager$ docker network create" in text
    assert "nginx-net\n```\n\n```text\nid1\n```\n" in text


def test_every_command_of_a_step_has_a_prompt_and_none_may_be_without_output():
    text = transcript(step(CREATE, command="docker rm a\ndocker rm b", output="\n"))
    assert "```console\nmanager$ docker rm a\nmanager$ docker rm b\n```\n\nNo output.\n" in text


def test_hosts_that_take_the_same_step_share_its_section():
    text = transcript(step(INSPECT), step(INSPECT, "worker-1"), PASSED, step(CREATE))
    assert sections(text)[2:4] == [f"### {INSPECT}", f"### {CREATE}"]
    assert text.index("worker-1$ docker x") < text.index("Peers lists the hosts") < text.index(f"### {CREATE}")


def test_a_step_that_was_repeated_is_there_twice():
    text = transcript(step(CREATE), PASSED, step(CREATE), PASSED)
    assert sections(text).count(f"### {CREATE}") == 2


def test_what_the_lab_does_for_itself_is_left_out_and_its_claims_are_not():
    text = transcript(
        step("Find everything ready", command=""),
        step(CREATE),
        step("Verify | Wait", command="docker container inspect alpine3"),
        PASSED,
    )
    assert sections(text) == [sections(text)[0], f"## {EN.stage_title(STAGE)}", f"### {CREATE}", "## The stages"]
    assert "alpine3" not in text
    assert "Peers lists the hosts" in text


def test_a_step_that_the_catalogue_does_not_know_is_there_with_its_command():
    assert "### Join the swarm\n\n```console\nmanager$ docker x" in transcript(step("Join the swarm"))


def test_a_claim_has_its_verdict_and_what_one_has_to_know_of_it():
    lines = transcript(step(CREATE), PASSED, FAILED, SKIPPED, SEEN).splitlines()
    start = lines.index(f"- **pass** Peers lists the hosts (`{STAGE}.peers`)")
    assert lines[start - 1] == ""
    assert lines[start + 1 : start + 8] == [
        f"- **fail** It publishes (`{STAGE}.endpoint`)",
        "  - Expected: `{'port': 80}`",
        "  - Observed: ``['a`b']``",
        f"- **skip** Requests spread (`{STAGE}.mesh-spreads`)",
        "  - Reason: no IPVS in this kernel",
        f"- **observed** Whether (`{STAGE}.unused-network-on-workers`)",
        "  - Observed: `['worker-1']`",
    ]


def test_claims_before_any_step_are_there_too():
    assert f"## {EN.stage_title(STAGE)}\n\n- **pass** Peers" in transcript(PASSED, step(CREATE))


@pytest.mark.parametrize(("output", "fence"), [("a\n```\nb", "````"), ("`````", "``````"), ("``", "```")])
def test_no_output_breaks_its_fence(output: str, fence: str):
    assert f"\n{fence}text\n{output}\n{fence}\n" in transcript(step(CREATE, output=output))


def test_long_output_is_cut_and_says_so():
    text = transcript(step(CREATE, output="\n".join(f"line {number}" for number in range(1, 73))))
    assert "line 60\n```\n\n12 more lines of output are not shown.\n" in text
    assert "line 61" not in text


def test_what_only_a_terminal_understands_is_left_out():
    text = transcript(step(CREATE, output="\x1b[1;31mred\x1b[0m\r\nnext\x07\x1b]0;title\x07\x1b[6n"))
    assert "```text\nred\nnext\n```" in text


def test_what_was_not_judged_and_why_is_at_the_end_of_the_stage():
    text = transcript(step(CREATE), problems=(LOST,), unjudged=(f"{STAGE}.nothing-left",))
    title = EN.claim_title(f"{STAGE}.nothing-left")
    assert f"- **not judged** {title} (`{STAGE}.nothing-left`)\n\nProblem: worker-1: no answer (lab up)\n" in text


def test_it_ends_with_a_table_of_the_stages():
    walked = StageResult(STAGE, 12.34, (PASSED, FAILED), unjudged=("a", "b"))
    other = StageResult("create-swarm", 1.0, (replace(SKIPPED, id="create-swarm.x"),))
    claims = (*walked.claims, *other.claims)
    result = RunResult("unit", "lab stage run", 1, 20.0, 0, claims=claims, stages=(walked, other))
    assert transcript_form.text(result, EN, WHEN).splitlines()[-5:] == [
        "| STAGE | PASSED | FAILED | SKIPPED | OBSERVED | NOT JUDGED | TIME |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| default-overlay | 1 | 1 | 0 | 0 | 2 | 12.3 s |",
        "| create-swarm | 0 | 0 | 1 | 0 | 0 | 1.0 s |",
        "| in all | 1 | 1 | 1 | 0 | 2 | 13.3 s |",
    ]


def test_it_is_in_the_language_of_the_words():
    text = transcript(step(CREATE), PASSED, words=JA)
    for told in (
        JA.stage_title(STAGE),
        JA.step_title(STAGE, CREATE),
        JA.step_why(STAGE, CREATE),
        "**合格** Peers には",
    ):
        assert told in text
    assert CREATE not in text


def test_the_note_of_a_stage_stands_below_its_title():
    name = "container-and-service"
    result = RunResult("unit", "lab stage run", 0, 1.0, 0, stages=(StageResult(name, 1.0),))
    for words in (EN, JA):
        text = transcript_form.text(result, words, WHEN)
        assert f"## {words.stage_title(name)}\n\n{words.stage_note(name)}\n" in text


def test_a_run_without_stages_is_told_as_one():
    joined = replace(step("Join the swarm"), role="swarm")
    result = RunResult("unit", "lab up", 4, 2.0, 1, steps=(joined,), claims=(PASSED,), problems=(LOST,))
    text = transcript_form.text(result, EN, WHEN)
    assert sections(text)[1:3] == ["## lab up", "### Join the swarm"]
    assert "**pass** Peers" in text
    assert "Problem: worker-1: no answer (lab up)" in text


def test_blank_lines_come_one_at_a_time():
    text = transcript(step(CREATE, output=""), PASSED, step(INSPECT), FAILED, problems=(LOST,), unjudged=("x.y",))
    assert "\n\n\n" not in text
    assert text.endswith("|\n")


def test_a_file_or_the_standard_output_holds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    result = RunResult("unit", "lab up", 0, 2.0, 0)
    transcript_form.write(result, str(tmp_path / "result.md"), JA)
    transcript_form.write(result, "-", JA)
    title = f"# {JA.ui('transcript_title')}\n"
    assert (tmp_path / "result.md").read_text(encoding="utf-8").startswith(title)
    assert capsys.readouterr().out.startswith(title)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    with pytest.raises(InvalidInput, match="cannot write"):
        transcript_form.write(RunResult("unit", "lab up", 0, 2.0, 0), str(tmp_path), EN)
