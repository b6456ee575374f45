"""Bad input gets one clear line each, the right exit code, and nothing is changed."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.integration import machine
from tests.integration.command import LAB, Cli, Done


def _refused(cli: Cli, done: Done, code: int, *words: str) -> None:
    """Assert that a command ended with ``code``, said each of ``words``, and left no trace of the lab."""
    assert done.code == code, done.text
    for word in words:
        assert word in done.err, done.text
    assert "Traceback" not in done.text
    assert not cli.paths.state.exists()
    assert not cli.paths.run.exists()


def _in_a_machine_where(setup: str, cli: Cli, *arguments: str) -> Done:
    """Run a command of the lab in a mount namespace in which this machine is different."""
    script = f'{setup}; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", LAB, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LAB_NAME": cli.lab},
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_not_root(fresh: Cli):
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    for command in (["up"], ["down"], ["status"], ["shell", "manager"]):
        done = subprocess.run([*nobody, LAB, *command], capture_output=True, text=True, check=False, cwd="/")
        if done.returncode == 126 or "Permission denied" in done.stderr:
            pytest.skip("this checkout is not readable for other users (probed)")
        _refused(fresh, Done(done.returncode, done.stdout, done.stderr), 3, "only root can make", "use sudo")


@pytest.mark.parametrize("program", ["dockerd", "ip", "nft"])
def test_a_missing_program(fresh: Cli, program: str):
    hide = f"for p in $(which -a {program}); do mount --bind /dev/null $(readlink -f $p); done"
    _refused(fresh, _in_a_machine_where(hide, fresh, "up"), 3, f"missing on this machine: {program}", "./labctl up")


def test_every_problem_of_an_inventory_is_listed_at_once(fresh: Cli, tmp_path: Path):
    path = tmp_path / "bad.yml"
    path.write_text(
        "all:\n"
        "  vars: {lab_provider: cloud, swarm_dedline: 3}\n"
        "  children:\n"
        "    managers: {hosts: {one: {lab_address: 198.18.0.20}, Two: {lab_address: 198.18.0.20}}}\n"
        "    workers: {hosts: {one: {}, three: {lab_address: 10.0.0.1}, four: {lab_address: x}}}\n"
    )
    done = fresh.run("up", "-i", str(path))
    _refused(
        fresh,
        done,
        2,
        "one: is in both groups",
        "Two: is no valid host name",
        "unknown provider 'cloud' (known: netns, ssh, vm)",
        "unknown variable swarm_dedline (did you mean swarm_deadline?)",
        "one, Two: the same address 198.18.0.20",
        "three: lab_address 10.0.0.1 is outside the segment 198.18.0.0/24",
        "four: lab_address 'x' is no IPv4 address",
    )
    assert len([line for line in done.err.splitlines() if line.startswith("  ")]) >= 7


def test_an_inventory_without_a_manager(fresh: Cli, inventory):
    _refused(fresh, fresh.run("up", "-i", str(inventory([], ["worker"]))), 2, "group managers has no host")


def test_an_inventory_that_is_missing(fresh: Cli):
    _refused(fresh, fresh.run("up", "-i", "nowhere.yml"), 2, "inventory nowhere.yml does not exist")


def test_an_inventory_that_is_no_yaml(fresh: Cli, tmp_path: Path):
    path = tmp_path / "broken.yml"
    path.write_text("all:\n  children: [\n")
    _refused(fresh, fresh.run("up", "-i", str(path)), 2, f"inventory {path}, line 3")


def test_an_impossible_lab_name(fresh: Cli):
    done = fresh.run("up", "--lab", "../etc")
    assert (done.code, done.out) == (2, "")
    assert "'../etc' cannot name a lab" in done.err


def test_an_unknown_stage_offers_the_nearest(fresh: Cli):
    done = fresh.run("stage", "run", "standalone-container")
    assert done.code == 2
    assert "no stage 'standalone-container' (did you mean standalone-containers?)" in done.err


@pytest.mark.parametrize("command", [["shell"], ["docker"], ["env"]])
def test_an_unknown_host_lists_those_there_are(lab: Cli, command: list[str]):
    done = lab.run(*command, "worker-9")
    assert done.code == 2
    assert "has no host 'worker-9' (hosts: manager, worker-1, worker-2)" in done.err


def test_a_stage_on_a_lab_that_is_not_up(fresh: Cli):
    _refused(fresh, fresh.run("stage", "run", "standalone-containers"), 4, "lab 'test-fresh' is not up (lab up)")


def test_an_unknown_option_is_a_usage_error(fresh: Cli):
    _refused(fresh, fresh.run("up", "--fast"), 2, "No such option")


def test_an_image_directory_that_is_not_there_or_empty(fresh: Cli, tmp_path: Path):
    _refused(fresh, fresh.run("up", "--images", str(tmp_path / "none")), 2, "is no directory")
    _refused(fresh, fresh.run("up", "--images", str(tmp_path)), 2, f"no image archive in {tmp_path}")


def test_an_image_archive_that_is_broken(fresh: Cli, tmp_path: Path):
    (tmp_path / "alpine.tar").write_bytes(b"not a tar" * 100)
    _refused(fresh, fresh.run("up", "--images", str(tmp_path)), 2, "alpine.tar is no whole image archive")


def test_image_archives_without_the_images_needed(fresh: Cli, tmp_path: Path):
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        (tmp_path / "manifest.json").write_text('[{"Config": "c.json", "RepoTags": ["other:1"], "Layers": []}]')
        archive.add(tmp_path / "manifest.json", "manifest.json")
    done = fresh.run("up", "--images", str(tmp_path))
    _refused(fresh, done, 2, "lack alpine:latest, nginx:latest", "they have other:1")


def test_a_full_disk_is_told_before_anything_starts(fresh: Cli, tmp_path: Path):
    setup = f"mount -t tmpfs -o size=50m tmpfs {tmp_path}; export LAB_STATE_DIR={tmp_path}/state"
    _refused(fresh, _in_a_machine_where(setup, fresh, "up"), 3, "MiB free below", "192 MiB needed for 3 hosts")


def test_an_engine_that_dies_at_start_shows_its_last_words(fresh: Cli, inventory):
    hosts = inventory(["manager"], ["worker-1"], docker_engine_config={"no-such-setting": True})
    done = fresh.run("up", "-i", str(hosts))
    assert done.code == 4
    assert "the engine did not start" in done.err
    assert "no-such-setting" in done.err


def test_a_foreign_namespace_and_link_of_the_labs_name_are_left_alone(fresh: Cli):
    names = [fresh.lab, "manager", f"{fresh.lab}-manager"]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        subprocess.run(["ip", "link", "add", fresh.lab, "type", "bridge"], check=True)
        before = machine.inventory()
        assert fresh.run("up").code == 0
        assert fresh.run("down").code == 0
        assert machine.differences(before, machine.inventory()) == {}
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", fresh.lab], check=False)


def test_a_foreign_directory_of_the_labs_name_is_refused(fresh: Cli):
    fresh.paths.state.mkdir(parents=True)
    (fresh.paths.state / "precious").write_text("mine")
    done = fresh.run("up")
    assert done.code == 2
    assert "exists and is not a lab's" in done.err
    assert fresh.run("down").code == 0
    assert [path.name for path in fresh.paths.state.iterdir()] == ["precious"]


def test_a_foreign_control_group_of_the_labs_name_is_refused(fresh: Cli):
    from lab.hosts import cgroups

    group = cgroups.group(cgroups.hierarchies()[0], fresh.lab)
    group.mkdir(parents=True)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (group / "cgroup.procs").write_text(str(stranger.pid))
        _refused(fresh, fresh.run("up"), 2, f"holds processes that this lab did not start: {stranger.pid}")
        fresh.run("down")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        cgroups.remove(fresh.lab, 5)


def test_addresses_of_a_running_lab_cannot_be_moved(lab: Cli, inventory):
    hosts = inventory(["manager"], ["worker-1", "worker-2"], lab_segment="198.18.7.0/24")
    done = lab.run("up", "-i", str(hosts))
    assert done.code == 2
    assert "this lab is up on 198.18.0.0/24, not 198.18.7.0/24 (lab down first)" in done.err


def test_json_that_cannot_be_written(lab: Cli):
    done = lab.run("verify", "--json", "/no/such/folder/result.json")
    assert done.code == 2
    assert "/no/such/folder/result.json: /no/such/folder is no directory" in done.err
