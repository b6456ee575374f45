"""What this machine sees of a virtual machine's process, without one."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from lab.hosts import guest
from lab.polling import until


def test_the_console_is_shown_without_what_moves_a_cursor(tmp_path: Path):
    log = tmp_path / "console.log"
    assert guest.console(log) == []
    log.write_bytes(b"\x1b[!pfirst\r\n\r\n\x07second \xff\n" + b"more\n" * 30)
    assert guest.console(log, lines=100)[:2] == ["[!pfirst", "second \ufffd"]
    assert len(guest.console(log)) == guest.CONSOLE_LINES
    assert not guest.gave_up(log)
    with log.open("a") as more:
        more.write("Kernel panic - not syncing\n" + "a frame of the stack\n" * 40)
    assert guest.console(log)[-2:] == ["more", "Kernel panic - not syncing"]
    assert guest.gave_up(log)


def test_an_sshd_is_told_by_its_greeting():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert not guest.greets(port)
        server.listen()
        assert not guest.is_free(port)
        assert guest.free_port() != port
    assert guest.is_free(port)


def test_a_process_on_a_machines_disk_is_found_by_its_command_line_and_ended(tmp_path: Path):
    disk = tmp_path / "disk.qcow2"
    words = f"file={disk},format=qcow2"
    with subprocess.Popen([sys.executable, "-c", "input()", words], stdin=subprocess.PIPE) as process:
        try:
            found, _ = until(lambda: guest.strays(disk), bool, deadline_s=5, every_s=0.01)
            assert found == [process.pid]
            assert guest.strays(tmp_path / "other.qcow2") == []
            guest.end_strays(disk, "m0")
            assert guest.strays(disk) == []
        finally:
            process.kill()


def test_what_a_process_uses_is_in_seconds_and_bytes():
    work = "sum(range(10_000_000)); block = b'x' * (64 << 20); print('done', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seconds, memory = guest.use(process.pid)
        assert 0.05 < seconds < 30
        assert 64 << 20 < memory < 256 << 20
        process.communicate(b"\n")
