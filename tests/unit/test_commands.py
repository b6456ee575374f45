"""What the commands find out before anything runs."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from lab import commands, runner
from lab.commands import Options
from lab.errors import InvalidInput, MachineLacks
from lab.hosts import state
from lab.hosts.base import HostSpec, LabPaths, LabSpec
from lab.project import project

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="labs on this machine are root's; this user is not root")


@pytest.fixture
def recorded(paths: LabPaths) -> LabPaths:
    """Return the paths of a lab that is recorded, and of which nothing runs."""
    spec = LabSpec("unit", "198.18.0.0/24", (HostSpec("manager", "198.18.0.11"), HostSpec("worker-1", "198.18.0.12")))
    state.write(paths, state.intended(spec, "netns", None))
    return paths


@needs_root
def test_an_engine_has_one_address(recorded: LabPaths):
    assert commands.engine_address("unit", "worker-1") == f"unix://{recorded.run}/worker-1/docker.sock"


@needs_root
def test_an_unknown_host_is_answered_with_those_there_are(recorded: LabPaths):
    with pytest.raises(InvalidInput, match="'worker-9'") as raised:
        commands.engine_address(recorded.name, "worker-9")
    assert raised.value.hint == "hosts: manager, worker-1"


@needs_root
def test_an_unknown_lab_is_answered_with_those_there_are(recorded: LabPaths):
    with pytest.raises(InvalidInput, match="'other' is not up") as raised:
        commands.engine_address("other", "manager")
    assert raised.value.hint == f"labs: {recorded.name}"


@needs_root
@pytest.mark.usefixtures("paths")
def test_where_there_is_no_lab_the_hint_is_how_to_make_one():
    with pytest.raises(InvalidInput) as raised:
        commands.engine_address("unit", "manager")
    assert raised.value.hint == "lab up"


@needs_root
def test_no_shell_opens_on_a_host_that_does_not_run(recorded: LabPaths):
    with pytest.raises(MachineLacks, match="does not run") as raised:
        commands.shell(recorded.name, "manager", [])
    assert raised.value.host == "manager"


@needs_root
def test_without_a_docker_command_one_is_told_how_to_get_it(recorded: LabPaths, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(recorded.state))
    with pytest.raises(MachineLacks, match="no docker command"):
        commands.docker(recorded.name, "manager", ["ps"])


@needs_root
def test_the_docker_command_is_given_the_engine_of_the_host(recorded: LabPaths, monkeypatch: pytest.MonkeyPatch):
    program = recorded.state / "docker"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(recorded.state))
    asked = commands.docker(recorded.name, "manager", ["node", "ls"])
    assert asked == [str(program), "--host", f"unix://{recorded.run}/manager/docker.sock", "node", "ls"]


@needs_root
def test_taking_down_what_is_not_up_does_nothing(paths: LabPaths):
    told: list = []
    assert commands.down(project(), Options("unit"), {}, told.append) is None
    assert told == []
    assert not paths.state.exists()


def test_a_run_does_not_begin_with_an_inventory_that_is_not_there(paths: LabPaths):
    with pytest.raises(InvalidInput, match="does not exist"):
        commands.run(project(), "up", Options(paths.name, inventory="./nowhere.yml"), {}, print)
    assert not paths.state.exists()


@pytest.mark.parametrize("name", ["", "Lab", "a/b", "..", "-a", "a-", "a b", "a" * 33])
def test_no_command_accepts_a_name_that_cannot_be_part_of_a_path(name: str):
    with pytest.raises(InvalidInput, match="cannot name a lab"):
        commands.run(project(), "up", Options(name), {}, print)


KILLED = """
import os, sys
from lab import runner
from lab.hosts.base import LabPaths
runner._private_directory(LabPaths.of(sys.argv[1]))
os.kill(os.getpid(), 9)
"""


@needs_root
def test_down_removes_what_a_run_left_that_was_killed_before_it_made_anything(paths: LabPaths):
    subprocess.run([sys.executable, "-c", KILLED, paths.name], check=False)
    for folder in (paths.state.parent, paths.state, paths.runner, *paths.runner.iterdir(), paths.run.parent, paths.run):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    assert commands.down(project(), Options(lab=paths.name), {}, lambda *_: None) is None
    assert not paths.state.exists()
    assert not paths.run.exists()
    assert not paths.state.parent.exists()
    assert not paths.run.parent.exists()


def test_a_user_takes_down_a_lab_of_machines_whatever_the_default_inventory_has(
    paths: LabPaths, monkeypatch: pytest.MonkeyPatch
):
    spec = LabSpec("unit", "198.18.0.0/24", (HostSpec("manager", "198.18.0.11"),))
    state.write(paths, state.intended(spec, "vm", None))
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    asked: list[str] = []

    def run(_project: object, _paths: object, playbook: runner.Playbook, *_: object) -> runner.Ending:
        asked.append(playbook.noun)
        return runner.Ending(0, False, "")

    monkeypatch.setattr(runner, "run", run)
    commands.down(project(), Options(lab="unit"), {}, lambda *_: None)
    assert asked == ["down"]
