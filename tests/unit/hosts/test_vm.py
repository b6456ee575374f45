"""What of virtual machines can be told without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import InvalidInput, MachineLacks
from lab.hosts import vm
from lab.hosts.base import HostSpec, LabPaths, LabSpec


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabPaths:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "labs"))
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path / "run"))
    return LabPaths.of("machines")


def spec(*hosts: HostSpec) -> LabSpec:
    return LabSpec("machines", "198.18.0.0/24", hosts)


def test_two_machines_cannot_have_one_port(paths: LabPaths):
    hosts = [HostSpec(f"m{number}", f"198.18.0.1{number}", ssh_port=2201) for number in range(2)]
    with pytest.raises(InvalidInput, match="several hosts ask for port 2201"):
        vm._check_ports(spec(*hosts), hosts)
    del paths


def test_more_memory_than_there_is_is_refused(paths: LabPaths):
    with pytest.raises(MachineLacks, match="MiB of memory are free"):
        vm._check_room(paths, [HostSpec("m0", "198.18.0.11", memory_mib=1 << 30)])


def test_each_user_and_lab_has_a_wire_of_its_own(paths: LabPaths):
    assert vm.wire(paths) != vm.wire(LabPaths.of("others"))
