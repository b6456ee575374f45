"""The stages: every claim holds, again and after a kill, and nothing of anybody else's is touched."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import xml.etree.ElementTree as Xml
from pathlib import Path

from lab.hosts import facts
from lab.project import project
from lab.stages import stages
from tests.integration.command import Cli, playbook, verdicts
from tests.integration.stages import (
    NEED_INTERNET,
    NEED_IPVS,
    OBSERVED,
    QUICK,
    Users,
    expected,
    kill_and_run_again,
    things,
)

NAMES = [stage.name for stage in stages(project())]
WALKED = [name for name in NAMES if name != "create-swarm"]


def test_every_claim_of_every_stage_holds_and_is_reported(lab: Cli, tmp_path: Path):
    before = things(lab)
    files = {form: str(tmp_path / f"result.{form}") for form in ("json", "junit", "transcript")}
    done = lab.run(
        "stage", "run", "all", "--explain", *(word for form, path in files.items() for word in (f"--{form}", path))
    )
    assert done.code == 0, done.text
    result = json.loads(Path(files["json"]).read_text())
    assert verdicts(result) == expected(lab, NAMES)
    reasons = {claim["id"]: claim["reason"] for claim in result["claims"] if claim["verdict"] == "skip"}
    assert all("no IPVS" in reasons[claim] for claim in NEED_IPVS & reasons.keys())
    assert all("no default route" in reasons[claim] for claim in NEED_INTERNET & reasons.keys())
    assert [stage["name"] for stage in result["stages"]] == NAMES
    assert [stage["unjudged"] for stage in result["stages"]] == [[]] * len(NAMES)
    assert all(name in done.out for name in NAMES)
    cases = Xml.parse(files["junit"]).getroot().iter("testcase")
    assert {f"{case.get('classname')}.{case.get('name').partition(':')[0]}" for case in cases} == set(verdicts(result))
    transcript = Path(files["transcript"]).read_text()
    assert all(f"`{claim}`" in transcript for claim in verdicts(result))
    assert "manager$ docker network create -d overlay nginx-net\n" in transcript
    _shows_commands_and_output(done.out)
    assert things(lab) == before


def _shows_commands_and_output(shown: str) -> None:
    lines = [line for line in shown.splitlines() if line.startswith(("manager$ ", "worker-1$ "))]
    assert "manager$ docker network create -d overlay --attachable test-net" in lines
    assert any(line.startswith("worker-1$ docker run -dit --name alpine2 --network test-net") for line in lines)
    command = shown.index("docker attach alpine1; / # ping -c 2")
    step = shown.index("In the session of alpine1, ping alpine2")
    output = shown.index("2 packets transmitted, 2 packets received, 0% packet loss", command)
    assert command < step < output


def test_create_swarm_can_be_checked_again(lab: Cli):
    result = lab.json("stage", "run", "create-swarm")
    assert set(verdicts(result).values()) == {"pass"}
    assert result["changed"] == 0


def test_a_killed_stage_runs_again_and_the_users_things_survive(lab: Cli, inventory, users: Users):
    hosts = str(inventory(["manager"], ["worker-1", "worker-2"], **QUICK))
    before = users.seen()
    dice = random.Random()
    name, moment = dice.choice(WALKED), dice.uniform(1.5, 6)
    kill_and_run_again(lab, name, moment, hosts)
    assert users.seen() == before


def test_stage_clean_removes_what_a_killed_stage_left(lab: Cli):
    before = things(lab)
    run = lab.start("stage", "run", "standalone-containers")
    deadline = time.monotonic() + 30
    while "/alpine2" not in things(lab)["worker-1"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate(timeout=30)
    assert things(lab) != before
    assert lab.run("stage", "clean", "all").code == 0
    assert things(lab) == before


def test_what_a_stage_keeps_stays_until_it_is_cleaned(lab: Cli):
    before = things(lab)
    kept = lab.json("stage", "run", "user-defined-overlay", "--keep")
    left = {claim for claim in expected(lab, ["user-defined-overlay"]) if claim.endswith(".nothing-left")}
    assert verdicts(kept) == {k: v for k, v in expected(lab, ["user-defined-overlay"]).items() if k not in left}
    assert kept["stages"][0]["unjudged"] == []
    manager = lab.engine("manager")
    assert [service["Spec"]["Name"] for service in manager.services()] == ["my-nginx"]
    other = lab.run("stage", "run", "default-overlay")
    assert other.code == 2
    assert "a service 'my-nginx' exists that stage user-defined-overlay keeps" in other.err
    assert "lab stage clean user-defined-overlay" in other.err
    assert lab.run("stage", "clean", "user-defined-overlay").code == 0
    assert things(lab) == before


def test_a_second_check_run_changes_nothing(lab: Cli):
    before = things(lab)
    for _ in range(2):
        done = lab.run("stage", "run", *WALKED, "--check")
        assert done.code == 0, done.text
        assert things(lab) == before


def test_a_stage_runs_by_plain_ansible(lab: Cli):
    done = playbook(lab, "playbooks/stage.yml", "-e", "stage=user-defined-overlay")
    assert done.code == 0, done.text


def test_the_sets_of_special_claims_name_claims_that_there_are():
    known = {claim.id for stage in stages(project()) for claim in stage.claims}
    assert known >= NEED_IPVS | NEED_INTERNET | OBSERVED


def test_the_probe_of_the_kernel_says_what_the_host_has(lab: Cli):
    told = facts.parse(lab.on("manager", facts.SCRIPT).out)
    assert told.ipvs == (lab.on("manager", "test -e /proc/net/ip_vs || modprobe -nq ip_vs").code == 0)
    assert told.kernel == os.uname().release
    assert not told.default_route
