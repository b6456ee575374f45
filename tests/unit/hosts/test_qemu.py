"""Command lines of virtual machines, and what is said where none can be."""

from __future__ import annotations

import itertools
import platform
from pathlib import Path

import pytest

from lab.errors import MachineLacks
from lab.hosts import qemu
from lab.hosts.images import Image
from lab.hosts.qemu import SYSTEMS, Acceleration, Machine, System, Wire

IMAGE = Image("trixie", "0123456789ab", "amd64", "6.12", "26.1.5", 0, Path("/images/a,b"))
MACHINE = Machine(
    name="manager",
    image=IMAGE,
    disk=Path("/labs/a,b/disk.qcow2"),
    seed=Path("/labs/seed.tar"),
    console=Path("/labs/console.log"),
    identity="0" * 32,
    port=2201,
    wire=Wire("239.200.1.2", 30000),
    outer="52:54:00:12:00:0b",
    inner="52:56:00:12:00:0b",
    processors=1,
    memory_mib=512,
)


def after(command: list[str], option: str) -> list[str]:
    return [value for word, value in itertools.pairwise(command) if word == option]


def test_nothing_passes_the_outer_interface_but_ssh_from_loopback():
    (outer, inner) = after(qemu.command(MACHINE, Acceleration("tcg")), "-netdev")
    assert "restrict=on" in outer.split(",")
    assert "hostfwd=tcp:127.0.0.1:2201-198.19.255.15:22" in outer.split(",")
    assert inner == "socket,id=inner,mcast=239.200.1.2:30000,localaddr=127.0.0.1"


def test_a_comma_in_a_path_is_doubled():
    drives = after(qemu.command(MACHINE, Acceleration("tcg")), "-drive")
    assert "file=/labs/a,,b/disk.qcow2" in drives[0]
    assert len(drives) == 1, "the kernel finds two disks in either order, and mounts the first"


@pytest.mark.parametrize(("name", "processor"), [("kvm", "host"), ("tcg", "Nehalem")])
def test_the_processor_is_this_machines_by_kvm_and_a_plain_one_by_emulation(name: str, processor: str):
    command = qemu.command(MACHINE, Acceleration(name))
    assert after(command, "-cpu") == [processor]
    assert after(command, "-accel")[0].startswith(name)


def test_each_owner_has_a_wire_of_its_own_in_the_range_for_that():
    wires = {Wire.of(f"owner {number}") for number in range(200)}
    assert len(wires) == 200
    assert all(wire.group.startswith("239.") and 192 <= int(wire.group.split(".")[1]) <= 254 for wire in wires)
    assert all(20000 <= wire.port < 60000 for wire in wires)


def test_an_architecture_that_nothing_emulates_is_refused():
    with pytest.raises(MachineLacks, match="no virtual machines for arm64"):
        qemu.system("arm64")


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(SYSTEMS, "amd64", System("qemu-system-none", "its-package", "q35", "max", "ttyS0"))
    with pytest.raises(MachineLacks, match=r"qemu-system-none.*apt-get install.*its-package"):
        qemu.system("amd64")


def test_why_kvm_is_not_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert str(qemu.acceleration(IMAGE, tmp_path / "kvm")).endswith(f"there is no {tmp_path / 'kvm'}")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert "the image is for amd64, this machine is aarch64" in str(qemu.acceleration(IMAGE))
    assert Acceleration("tcg").factor > Acceleration("kvm").factor
