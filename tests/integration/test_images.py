"""Where the images come from: this machine's packages, archives of docker save, or a registry."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.engine import container
from lab.engine.container import ContainerSpec
from lab.engine.debian_images import SHELL_TAG, WEB_TAG
from tests.integration.command import Cli

TUTORIAL = {SHELL_TAG: "alpine:latest", WEB_TAG: "nginx:latest"}
HOSTS = ["manager", "worker-1"]


@pytest.fixture(scope="module")
def archives(lab: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the tutorial's images as the docker command saved them: the lab's own, renamed."""
    folder = tmp_path_factory.mktemp("archives")
    engine = lab.engine("manager")
    try:
        for own, tag in TUTORIAL.items():
            engine.tag(own, *tag.split(":"))
            done = lab.run("docker", "manager", "--", "save", "-o", str(folder / f"{tag.split(':')[0]}.tar"), tag)
            assert done.code == 0, done.text
    finally:
        for tag in {tag for found in engine.images() for tag in found["RepoTags"]} & set(TUTORIAL.values()):
            engine.remove_image(tag)
    return folder


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory of a manager and a worker."""
    path = tmp_path_factory.mktemp("inventory") / "inventory.yml"
    groups = {"managers": {"hosts": {"manager": {}}}, "workers": {"hosts": {"worker-1": {}}}}
    path.write_text(json.dumps({"all": {"vars": {"ansible_connection": "lab.swarm.netns"}, "children": groups}}))
    return path


@pytest.fixture(scope="module")
def saved(archives: Path, inventory: Path) -> Iterator[tuple[Cli, dict]]:
    """A lab that was brought up with the archives, and what its `up` told."""
    cli = Cli("test-saved")
    cli.run("down")
    try:
        yield cli, cli.json("up", "-i", str(inventory), "--images", str(archives))
    finally:
        cli.run("down")


def _ids(cli: Cli, hosts: list[str], tag: str) -> set[str]:
    return {cli.engine(host).inspect_image(tag)["Id"] for host in hosts}


def test_a_lab_runs_the_images_of_archives_that_docker_saved(saved: tuple[Cli, dict], archives: Path):
    cli, result = saved
    assert result["images"] == {
        "source": str(archives),
        "alpine": "alpine:latest",
        "nginx": "nginx:latest",
        "made_of": f"archives in {archives}",
    }
    for host in HOSTS:
        assert cli.engine(host).inspect_container(f"ping-{host}")["Config"]["Image"] == "alpine:latest"
        tags = {tag for found in cli.engine(host).images() for tag in found["RepoTags"]}
        assert tags == set(TUTORIAL.values())


def test_a_lab_goes_on_with_the_archives_it_was_brought_up_with(saved: tuple[Cli, dict]):
    cli, result = saved
    again = cli.json("up")
    assert again["changed"] == 0
    assert again["images"] == result["images"]


def test_a_check_says_that_archives_would_be_loaded(lab: Cli, archives: Path):
    steps = lab.json("up", "--check", "--images", str(archives))["steps"]
    planned = {step["host"] for step in steps if step["name"] == "Bring the images to every engine" and step["changed"]}
    assert planned == {"manager", "worker-1", "worker-2"}
    assert "alpine" not in lab.run("docker", "manager", "--", "images").out


def test_the_default_images_are_made_of_this_machines_packages(lab: Cli):
    packages = ["busybox-static", "nginx"]
    versions = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *packages], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    images = lab.json("up")["images"]
    assert (images["source"], images["alpine"], images["nginx"]) == ("debian", SHELL_TAG, WEB_TAG)
    assert len(versions) == 2
    for version in versions:
        assert version in images["made_of"]


@pytest.mark.parametrize(("own", "tag"), TUTORIAL.items(), ids=["alpine", "nginx"])
def test_an_image_is_the_same_on_every_host(lab: Cli, saved: tuple[Cli, dict], own: str, tag: str):
    made = _ids(lab, ["manager", "worker-1", "worker-2"], own)
    assert len(made) == 1
    assert _ids(saved[0], HOSTS, tag) == made


def test_the_web_image_serves_its_host_name_over_the_overlay(lab: Cli):
    engine = lab.engine("worker-1")
    spec = ContainerSpec("served", lab.lab, WEB_TAG, "cross-host-ping", hostname="web-of-the-lab")
    ask = ["timeout", "2", "wget", "-q", "-O", "-", "http://served/"]
    try:
        container.ensure_running(engine, spec, check=False)
        end = time.monotonic() + 20
        while (answer := container.execute(lab.engine("manager"), "ping-manager", ask)).status:
            assert time.monotonic() < end, answer.text
    finally:
        container.ensure_absent(engine, "served", lab.lab, check=False)
    assert answer.text == "web-of-the-lab\n"


def test_a_registry_that_cannot_be_reached_gets_one_line_a_host_with_the_engines_words(fresh: Cli, inventory: Path):
    done = fresh.run("up", "-i", str(inventory), "--images", "hub")
    assert done.code == 4, done.text
    assert "Traceback" not in done.text
    for line in done.err.splitlines():
        assert "pull alpine:latest: " in line
        assert "--images debian" in line
    pull = fresh.run("docker", "manager", "--", "pull", "alpine:latest")
    words = pull.err.partition("daemon: ")[2].partition(" on ")[0]
    assert "registry-1.docker.io" in words
    assert words in done.err
