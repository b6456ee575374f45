"""A virtual machine's process as this machine sees it: its console, its sshd's greeting, its port, what it uses."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from lab.errors import MachineLacks
from lab.hosts import qemu
from lab.hosts.state import ProcessRecord, start_time

CONSOLE_LINES = 12
PANIC = "Kernel panic"
END_S = 10.0


def console(log: Path, lines: int = CONSOLE_LINES) -> list[str]:
    """Return the last lines of a machine's console, without what moves a cursor: up to the kernel's end, if it came."""
    text = log.read_text(errors="replace") if log.exists() else ""
    shown = ["".join(char for char in line if char.isprintable()).strip() for line in text.splitlines()]
    kept = [line for line in shown if line]
    panic = next((number for number, line in enumerate(kept) if PANIC in line), None)
    return kept[-lines:] if panic is None else kept[max(0, panic + 1 - lines) : panic + 1]


def gave_up(log: Path) -> bool:
    """Tell whether the console ends with the end of the kernel."""
    return PANIC in (console(log) or [""])[-1]


def greets(port: int) -> bool:
    """Tell whether an sshd greets at a port; the forward itself accepts before the machine is up."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as knock:
            return knock.recv(4) == b"SSH-"
    except OSError:
        return False


def is_free(port: int) -> bool:
    """Tell whether nobody has a tcp port of this machine's loopback interface."""
    with socket.socket() as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            own.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a tcp port of this machine's loopback interface that nobody has."""
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        port: int = own.getsockname()[1]
        return port


def use(pid: int) -> tuple[float, int]:
    """Return a process's time (seconds, user and system) and resident memory (bytes).

    Source: proc(5), stat's fields 14, 15 and 24.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")


def strays(disk: Path) -> list[int]:
    """Return the processes of this user that have a disk on their command line: QEMUs of ours."""
    sign = f"file={qemu.escaped(disk)},".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.stat().st_uid == os.geteuid() and sign in entry.read_bytes():
                found.append(int(entry.parent.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def end(pid: int) -> bool:
    """End a process of ours; tell whether it has gone."""
    return ProcessRecord(pid, start_time(pid)).end(END_S)


def end_strays(disk: Path, host: str) -> None:
    """End what a run that was killed started on a disk; raises MachineLacks where one does not end."""
    for pid in strays(disk):
        if not end(pid):
            raise MachineLacks(f"process {pid} has its disk and does not end", host=host)
