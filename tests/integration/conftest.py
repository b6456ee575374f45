"""Real labs for tests: each is taken down at the end, whatever happened, and leaves the machine as it was."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lab.hosts import netns
from lab.hosts.base import state_home
from lab.hosts.programs import which
from tests.integration.command import Cli
from tests.integration.remote import prepare
from tests.integration.stages import Users


def _lacking() -> str:
    """Return why real engines cannot run here, empty where they can: probed, not assumed."""
    if os.geteuid() != 0:
        return "needs root: embedded hosts are namespaces"
    missing = [program for program in ("dockerd", *netns.PROGRAMS) if which(program) is None]
    return f"missing: {', '.join(missing)}" if missing else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = _lacking()
    for item in items:
        if reason and "integration" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def lab() -> Iterator[Cli]:
    """A lab that is up, for tests that leave it as they found it."""
    cli = Cli("test-shared")
    cli.run("down")
    try:
        done = cli.run("up")
        assert done.code == 0, done.text
        yield cli
    finally:
        down = cli.run("down")
        assert down.code == 0, down.text


@pytest.fixture
def fresh() -> Iterator[Cli]:
    """A lab that is not up, for tests that bring it up, or break it; taken down at the end."""
    cli = Cli("test-fresh")
    cli.run("down")
    try:
        yield cli
    finally:
        cli.run("down")
        shutil.rmtree(cli.paths.state, ignore_errors=True)


@pytest.fixture
def inventory(tmp_path: Path):
    """Return a function that writes an inventory: managers, workers, variables of all."""

    def write(managers: Sequence[str], workers: Sequence[str], **variables: object) -> Path:
        path = tmp_path / "inventory.yml"
        content = {
            "all": {
                "vars": {"ansible_connection": "lab.swarm.netns", "lab_provider": "netns", **variables},
                "children": {
                    "managers": {"hosts": {host: {} for host in managers}},
                    "workers": {"hosts": {host: {} for host in workers}},
                },
            }
        }
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.fixture(scope="session")
def remote_layer() -> Iterator[Path]:
    """What hosts that are reached by SSH have above this machine's files: packages, and a user."""
    layer = state_home().with_name("swarm-lab-test-layer")
    shutil.rmtree(layer, ignore_errors=True)
    try:
        prepare(layer)
        yield layer
    finally:
        shutil.rmtree(layer)


@pytest.fixture
def users(lab: Cli) -> Iterator[Users]:
    """Things that the user of the lab made: a network, a service on it and a container."""
    made = Users(lab)
    try:
        made.make()
        yield made
    finally:
        made.remove()
