"""What of virtual machines can be told without one."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.errors import InvalidInput, MachineLacks
from lab.hosts import vm
from lab.hosts.base import HostSpec, LabPaths, LabSpec
from lab.polling import until


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabPaths:
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "labs"))
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path / "run"))
    return LabPaths.of("machines")


def spec(*hosts: HostSpec) -> LabSpec:
    return LabSpec("machines", "198.18.0.0/24", hosts)


def test_the_console_is_shown_without_what_moves_a_cursor(paths: LabPaths):
    folder = paths.host_state("m0")
    folder.mkdir(parents=True)
    (folder / "console.log").write_bytes(b"\x1b[!pfirst\r\n\r\n\x07second \xff\n" + b"more\n" * 30)
    assert vm.console(paths, "m0", lines=100)[:2] == ["[!pfirst", "second \ufffd"]
    assert len(vm.console(paths, "m0")) == vm.CONSOLE_LINES
    with (folder / "console.log").open("a") as log:
        log.write("Kernel panic - not syncing\n" + "a frame of the stack\n" * 40)
    assert vm.console(paths, "m0")[-2:] == ["more", "Kernel panic - not syncing"]


def test_an_sshd_is_told_by_its_greeting(paths: LabPaths):
    del paths
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert not vm.greets(port)
        server.listen()
        assert not vm.is_free(port)
    assert vm.is_free(port)


def test_a_process_on_a_machines_disk_is_found_by_its_command_line(paths: LabPaths):
    folder = paths.host_state("m0")
    words = f"file={folder / 'disk.qcow2'},format=qcow2"
    with subprocess.Popen([sys.executable, "-c", "input()", words], stdin=subprocess.PIPE) as process:
        try:
            found, _ = until(lambda: vm.strays(folder), bool, deadline_s=5, every_s=0.01)
            assert found == [process.pid]
            assert vm.strays(paths.host_state("m1")) == []
        finally:
            process.kill()


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
