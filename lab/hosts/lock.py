"""One run at a time changes a lab: a file lock that the kernel takes back when its holder ends.

A run that was killed may leave processes behind that still hold it; they are ended, since nobody waits for
them any more. A run is dead when the process that took the lock, or the command that started it, is.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabHeld
from lab.hosts.base import LabPaths
from lab.hosts.state import ProcessRecord, start_time

PARENT = "LAB_PARENT"
"""Environment variable with pid:start time of the command that started the playbook, if any."""

CHANGING = frozenset({"up", "down", "stage"})
"""The playbooks that change a lab, and so hold its lock."""

_ORPHANS_DEADLINE_S = 10.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: its process, that which started it (pid 0: nobody), what it does, since when."""

    process: ProcessRecord
    parent: ProcessRecord
    doing: str
    since: str

    def alive(self) -> bool:
        """Whether the run goes on."""
        return self.process.alive() and (self.parent.pid == 0 or self.parent.alive())

    def __str__(self) -> str:
        """Return who holds it, for a person."""
        pid = self.parent.pid or self.process.pid
        return f"pid {pid} ({self.doing}, since {self.since})"


@dataclass
class Lock:
    """A held lock."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Give the lock back and remove its file, and the directory of locks where it is the last."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)
        try:
            self.path.parent.rmdir()
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.ENOENT}:
                raise


def own_record() -> str:
    """Return this process for the environment of a playbook that it starts."""
    return f"{os.getpid()}:{start_time(os.getpid())}"


def acquire(paths: LabPaths, doing: str, *, wait_s: float = 0.0) -> Lock:
    """Take the lab's lock; raises LabHeld, naming the holder, where another run has it longer than ``wait_s``."""
    end = time.monotonic() + wait_s
    orphans_end = time.monotonic() + _ORPHANS_DEADLINE_S
    while True:
        lock = _try(paths.lock_file)
        if lock is not None:
            _write(lock, doing)
            return lock
        holder = read_holder(paths)
        dead = holder is not None and not holder.alive()
        if dead:
            end_orphans(paths.lock_file)
        if time.monotonic() > (orphans_end if dead or holder is None else end):
            raise LabHeld(f"lab '{paths.name}' is held by {holder or 'a run that ended'}", hint="--wait waits for it")
        time.sleep(0.02)


def follow_parent() -> None:
    """End this process as soon as the command that started it ends, if one did: nobody waits for it any more.

    See PR_SET_PDEATHSIG in prctl(2); the terminal's hang-up does not reach a playbook under ansible-runner.
    """
    if not os.environ.get(PARENT):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if not _parent().alive():
        raise SystemExit(LabHeld.code)


def _parent() -> ProcessRecord:
    """Return the command that started this process, pid 0 where none did."""
    pid, _, started = os.environ.get(PARENT, "0:0").partition(":")
    return ProcessRecord(int(pid), int(started))


@contextmanager
def turn(paths: LabPaths) -> Iterator[None]:
    """Wait for a turn among the processes of a run, which are side by side; the kernel ends it with its holder.

    The directory of the lab's sockets is what they lock: it is there when an engine is.
    """
    descriptor = os.open(paths.run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def require_free(paths: LabPaths) -> None:
    """Raise LabHeld at once where a living run holds the lab."""
    holder = read_holder(paths)
    if holder is None or not holder.alive():
        return
    try:
        descriptor = os.open(paths.lock_file, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LabHeld(f"lab '{paths.name}' is held by {holder}", hint="--wait waits for it") from None
    finally:
        os.close(descriptor)


def _try(path: Path) -> Lock | None:
    """Take the lock if it is free; the file may be unlinked by its last holder while we wait for it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if _identity(path) == _identity(descriptor):
        return Lock(path, descriptor)
    os.close(descriptor)
    return None


def _identity(file: Path | int) -> tuple[int, int] | None:
    """Return what tells a file from every other (device and inode); None where it is gone."""
    try:
        found = os.fstat(file) if isinstance(file, int) else file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _write(lock: Lock, doing: str) -> None:
    parent = _parent()
    holder = {
        "process": [os.getpid(), start_time(os.getpid())],
        "parent": [parent.pid, parent.started],
        "doing": doing,
        "since": time.strftime("%H:%M:%S"),
    }
    os.ftruncate(lock.descriptor, 0)
    os.pwrite(lock.descriptor, json.dumps(holder).encode(), 0)


def read_holder(paths: LabPaths) -> Holder | None:
    """Return who wrote itself into the lock file last; None where nobody did, or is just about to."""
    try:
        raw = json.loads(paths.lock_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return Holder(ProcessRecord(*raw["process"]), ProcessRecord(*raw["parent"]), raw["doing"], raw["since"])


def end_orphans(path: Path) -> None:
    """Kill every process that has the lock file open: what is left of the run that held it."""
    identity = _identity(path)
    for process in Path("/proc").glob("[0-9]*"):
        pid = int(process.name)
        if identity is not None and pid != os.getpid() and _has_open(process, identity):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _has_open(process: Path, identity: tuple[int, int]) -> bool:
    try:
        return any(_identity(descriptor) == identity for descriptor in (process / "fd").iterdir())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
