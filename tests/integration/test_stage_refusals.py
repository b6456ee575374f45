"""What a stage is not ready for is refused with its host and its reason, before anything is made."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.engine import tasks
from lab.hosts import netns, state
from tests.integration.command import Cli, verdicts
from tests.integration.stages import HOSTS, SHELL, things

WEB = "swarm-lab/nginx:debian"


@contextmanager
def _changed(lab: Cli, host: str, do: str, undo: str) -> Iterator[None]:
    """Run a docker command on a host's engine, and another one at the end; wait until either has had its effect."""
    before = things(lab)
    assert lab.run("docker", host, "--", *do.split()).code == 0
    try:
        if do.startswith("service create"):
            assert tasks.converge(lab.engine(host), undo.rpartition(" ")[2], 30).settled
        yield
    finally:
        done = lab.run("docker", host, "--", *undo.split())
        assert done.code == 0, done.text
        deadline = time.monotonic() + 30
        while things(lab) != before:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _refused(lab: Cli, stage: str, *words: str, code: int = 2, options: tuple[str, ...] = ()) -> None:
    before = things(lab)
    done = lab.run("stage", "run", stage, *options)
    assert done.code == code, done.text
    for word in words:
        assert word in done.err
    assert things(lab) == before


@pytest.mark.parametrize(
    ("kind", "stage", "make", "remove"),
    [
        ("container", "standalone-containers", f"create --name alpine1 {SHELL}", "rm alpine1"),
        ("network", "standalone-containers", "network create -d overlay test-net", "network rm test-net"),
        ("network", "default-overlay", "network create -d overlay nginx-net", "network rm nginx-net"),
        (
            "service",
            "user-defined-overlay",
            f"service create -d -q --no-resolve-image --name my-nginx {WEB}",
            "service rm my-nginx",
        ),
    ],
)
def test_a_name_that_is_somebody_elses_is_refused_and_not_touched(
    lab: Cli, kind: str, stage: str, make: str, remove: str
):
    host = "manager"
    name = remove.rpartition(" ")[2]
    with _changed(lab, host, make, remove):
        _refused(lab, stage, host, f"a {kind} '{name}' exists that is not this lab's", "nothing was changed")


def test_a_taken_port_is_refused_with_who_holds_it(lab: Cli):
    with _changed(lab, "worker-1", f"run -d --name users-web -p 80:80 {WEB}", "rm -f users-web"):
        _refused(lab, "default-overlay", "worker-1", "port 80/tcp is taken by container users-web")
    with _listening(lab, "worker-2", 8081):
        _refused(lab, "default-overlay", "worker-2", "port 8081/tcp is taken by a program on it")


@contextmanager
def _listening(lab: Cli, host: str, port: int) -> Iterator[None]:
    """Let a program listen on a port of a host."""
    script = f"import socket, sys; s = socket.create_server(('', {port})); print('up', flush=True); sys.stdin.read()"
    program = subprocess.Popen(
        [*netns.enter(lab.paths, host), "/usr/bin/python3", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=netns.environment(),
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == b"up\n"
        yield
    finally:
        program.communicate(timeout=10)


def test_a_missing_image_is_refused(lab: Cli):
    with _changed(lab, "worker-2", f"tag {WEB} kept:1", f"tag kept:1 {WEB}"):
        assert lab.run("docker", "worker-2", "--", "rmi", WEB).code == 0
        _refused(lab, "default-overlay", "worker-2", f"image {WEB} is not there: lab up brings it")
    assert lab.run("docker", "worker-2", "--", "rmi", "kept:1").code == 0


def test_a_drained_worker_is_refused(lab: Cli):
    drain, active = (f"node update --availability {state} worker-1" for state in ("drain", "active"))
    with _changed(lab, "manager", drain, active):
        _refused(lab, "user-defined-overlay", "worker-1", "its node is on drain")


def test_a_replica_that_crash_loops_is_told_in_its_own_words_and_in_time(lab: Cli, inventory):
    tag = "crashing:1"
    for host in HOSTS:
        engine = lab.engine(host)
        made = engine.create_container(SHELL, name="to-commit")
        engine.commit(made["Id"], "crashing", "1", changes='CMD ["sh", "-c", "exit 3"]')
        engine.remove_container(made["Id"])
    try:
        variables = {
            "stage_user_defined_overlay_image": tag,
            "stage_user_defined_overlay_deadline": 4,
            "stage_user_defined_overlay_removal": 10,
        }
        hosts = inventory(["manager"], ["worker-1", "worker-2"], **variables)
        result = lab.json("stage", "run", "user-defined-overlay", "-i", str(hosts), code=1)
        assert verdicts(result)["user-defined-overlay.running"] == "fail"
        (claim,) = [claim for claim in result["claims"] if claim["id"] == "user-defined-overlay.running"]
        assert "task: non-zero exit (3)" in claim["observed"]
        assert 4 <= claim["waited_s"] < 7
    finally:
        for host in HOSTS:
            lab.engine(host).remove_image(tag, force=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stage", "run", "default-overley"], "no stage 'default-overley'"),
        (["stage", "run", "all", "--lang", "xx"], "xx"),
        (["stage", "list", "--lang", "xx"], "xx"),
        (["stage", "run", "all", "--step"], "--step needs a terminal"),
        (["stage", "run", "all", "--keep"], "cannot be left up together"),
        (["stage", "run", "all", "--junit", "/nowhere/result.xml"], "/nowhere is no directory"),
    ],
)
def test_wrong_words_are_refused_at_once(lab: Cli, words: list[str], message: str):
    done = lab.run(*words)
    assert done.code == 2, done.text
    assert message in done.err


def test_a_lab_that_is_not_up_half_up_or_in_another_swarm_is_refused(fresh: Cli):
    for name in ("create-swarm", "default-overlay"):
        done = fresh.run("stage", "run", name)
        assert (done.code, "is not up" in done.err) == (4, True), done.text
    assert fresh.run("up").code == 0
    worker = fresh.engine("worker-2")
    worker.leave_swarm()
    _refused(fresh, "user-defined-overlay", "worker-2: ", "is in no swarm")
    worker.init_swarm(advertise_addr="198.18.0.13")
    theirs, ours = (fresh.engine(host).inspect_swarm()["ID"] for host in ("worker-2", "manager"))
    _refused(fresh, "user-defined-overlay", "worker-2: ", f"belongs to swarm {theirs}", f"to swarm {ours}")
    known = state.read(fresh.paths)
    assert known is not None
    os.kill(known.processes["worker-1"].pid, signal.SIGKILL)
    done = fresh.run("stage", "run", "user-defined-overlay")
    assert (done.code, "half up: worker-1 not running" in done.err) == (4, True), done.text
