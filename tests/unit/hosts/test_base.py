"""Names, places, and what a provider is."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from lab.errors import InvalidInput
from lab.hosts.base import HostChange, LabPaths, Provider, check_lab_name, is_host_name
from lab.hosts.providers import PROVIDERS

METHODS = [name for name, _ in inspect.getmembers(Provider, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("name", ["a", "lab", "lab-2", "2lab", "a" * 32])
def test_a_lab_may_be_called(name: str):
    assert check_lab_name(name) == name


@pytest.mark.parametrize("name", ["", "Lab", "lab_2", "-lab", "lab-", "../lab", "lab/2", "lab\n", "läb", "a" * 33])
def test_a_lab_may_not_be_called(name: str):
    with pytest.raises(InvalidInput, match="cannot name a lab"):
        LabPaths.of(name)


@pytest.mark.parametrize("name", ["a", "worker-1", "1", "w" * 63])
def test_a_host_may_be_called(name: str):
    assert is_host_name(name)


@pytest.mark.parametrize("name", ["", "Worker", "worker_1", "worker.1", "-w", "w-", "w\n", ".switch", "w" * 64])
def test_a_host_may_not_be_called(name: str):
    assert not is_host_name(name)


def test_everything_of_a_lab_lies_below_its_two_directories(paths: LabPaths, tmp_path: Path):
    assert (paths.state, paths.run) == (tmp_path / "state" / "unit", tmp_path / "run" / "unit")
    for path in (paths.state_file, paths.state_draft, paths.runner, paths.host_state("manager")):
        assert paths.state in path.parents
    assert paths.run in paths.engine_socket("manager").parents


def test_the_lock_outlives_the_directories_of_its_lab(paths: LabPaths):
    assert paths.state not in paths.lock_file.parents
    assert paths.run not in paths.lock_file.parents


def test_two_labs_share_no_place(paths: LabPaths):
    other = LabPaths.of("unit-2")
    assert {paths.state, paths.run, paths.lock_file}.isdisjoint({other.state, other.run, other.lock_file})


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (HostChange({}, {}), False),
        (HostChange({"a": "1"}, {"a": "1"}), False),
        (HostChange({}, {"a": "1"}), True),
        (HostChange({"a": "1"}, {}), True),
        (HostChange({"a": "1"}, {"a": "1"}, ("start host a",)), True),
    ],
)
def test_a_change_is_a_difference_or_an_action(change: HostChange, changed: bool):
    assert change.changed is changed


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_has_every_method_as_it_is_called(name: str, method: str):
    asked = inspect.signature(getattr(Provider, method)).parameters
    given = inspect.signature(getattr(PROVIDERS[name], method)).parameters
    assert [(p.name, p.kind) for p in given.values()] == [(p.name, p.kind) for p in asked.values() if p.name != "self"]
