"""The distribution's engine is installed where there is none and the inventory allows it, by the host's own apt."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.hosts.base import LabPaths
from tests.integration.command import verdicts
from tests.integration.remote import Remote


@pytest.fixture
def bare(remote_layer: Path, tmp_path: Path) -> Iterator[Remote]:
    """A host without an engine; its apt has the package in its cache, since it reaches no mirror."""
    made = Remote(LabPaths.of("test-remote-hosts"), remote_layer, tmp_path, lab="test-bare")
    packages = tmp_path / "packages"
    packages.mkdir()
    subprocess.run(["apt-get", "download", "docker.io"], cwd=packages, check=True, capture_output=True)
    try:
        made.start("manager", engine=False)
        done = made.on("manager", "dpkg --remove --force-depends docker.io; command -v dockerd || echo none")
        assert done.out.endswith("none\n"), done.text
        for package in packages.iterdir():
            into = "mkdir -p /var/cache/apt/archives/partial; base64 -d >/var/cache/apt/archives/" + package.name
            coded = subprocess.run(["base64", package], check=True, capture_output=True, text=True).stdout
            assert made.on("manager", into, text=coded).code == 0
        yield made
    finally:
        made.end(lambda: made.run("down", "--force"))


def test_an_engine_is_installed_where_that_is_allowed_and_only_there(bare: Remote):
    refused = bare.run("up", "-i", str(bare.inventory(["manager"], [])))
    assert refused.code == 2
    assert "docker_engine_install" in refused.err
    assert bare.on("manager", "command -v dockerd || echo none").out == "none\n"
    result = bare.json("up", "-i", str(bare.inventory(["manager"], [], docker_engine_install=True)), timeout=300)
    assert [(node["hostname"], node["state"]) for node in result["nodes"]] == [("manager", "ready")]
    assert set(verdicts(bare.json("verify")).values()) == {"pass"}
    assert bare.run("down").code == 0
    assert bare.on("manager", "dpkg-query -W -f '${Status}' docker.io").out == "install ok installed"
    assert bare.on("manager", "docker info -f '{{.Swarm.LocalNodeState}}'").out == "inactive\n"
