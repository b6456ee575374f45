"""Where the project's files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.project import Project, project


@pytest.fixture
def ours(tmp_path: Path) -> Project:
    """Return a project with one inventory of its own."""
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "vm.yml").touch()
    return Project(tmp_path, tmp_path / "collections")


def test_the_checkout_has_what_every_command_needs():
    here = project()
    assert here.config.is_file()
    assert here.roles.is_dir()
    assert here.default_inventory.is_file()
    assert (here.collections / "ansible_collections" / "lab" / "swarm").is_dir()


@pytest.mark.parametrize("noun", ["up", "down", "verify", "stage"])
def test_each_command_has_a_playbook(noun: str):
    assert project().playbook(noun).is_file()


def test_an_inventory_of_ours_goes_by_its_name(ours: Project):
    assert ours.inventory("vm") == ours.root / "inventory" / "vm.yml"


def test_a_file_of_the_user_wins_over_a_name_of_ours(ours: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    Path("vm").touch()
    assert ours.inventory("vm") == Path("vm")


@pytest.mark.parametrize("name", ["./vm", "sub/vm", "other", "other.yml"])
def test_anything_else_is_a_path(ours: Project, name: str):
    assert ours.inventory(name) == Path(name)
