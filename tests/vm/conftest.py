"""A lab of three virtual machines, one for all tests here that leave it up; ended at the end, whatever happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.hosts import images, vm
from lab.hosts.images import Image
from lab.project import project
from tests.integration.command import Cli
from tests.integration.stages import QUICK
from tests.vm.probe import lacking


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = lacking(vm.IMAGE)
    for item in items:
        if reason and "vm" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def image() -> Image:
    """The image of the virtual machines, made where it is not there; it stays, as a cache does."""
    return images.build(vm.IMAGE)


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inventory of virtual machines that comes with the project, with a shorter longest stage."""
    content = yaml.safe_load(project().inventory("vm").read_text())
    content["all"]["vars"].update(QUICK)
    path = tmp_path_factory.mktemp("hosts") / "vm.yml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="session")
def machines(image: Image) -> Iterator[Cli]:
    """The lab, down at first: a test brings it up."""
    del image
    cli = Cli("test-vm")
    cli.run("down")
    try:
        yield cli
    finally:
        cli.run("down")
