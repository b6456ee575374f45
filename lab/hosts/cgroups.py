"""Control groups of a lab: one subtree a host in every hierarchy, so that no process can be lost sight of.

A host's processes start in its group before they do anything else. What the record of pids could miss after
a kill (a process forked but not yet written down), the kernel's own list of the group still has.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = "swarm-lab"
LEAF = "init"


@dataclass(frozen=True)
class Hierarchy:
    """A mounted cgroup hierarchy: where, ``cgroup`` (v1) or ``cgroup2``, and its v1 controllers."""

    mount: Path
    kind: str
    options: str = ""


def hierarchies(mountinfo: str | None = None) -> list[Hierarchy]:
    """Return the machine's cgroup hierarchies, from the text of proc(5)'s mountinfo."""
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    found: dict[Path, Hierarchy] = {}
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, super_options = after.split(" ", 2)
        if kind not in {"cgroup", "cgroup2"}:
            continue
        mount = Path(unescaped(before.split()[4]))
        names = [name for name in super_options.split(",") if name not in {"rw", "ro", "xattr", "clone_children"}]
        options = "" if kind == "cgroup2" else ",".join(n for n in names if not n.startswith("release_agent"))
        found[mount] = Hierarchy(mount, kind, options)
    return list(found.values())


def unescaped(point: str) -> str:
    """Return a mount point as it is named: mountinfo writes white space as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)


def group(hierarchy: Hierarchy, lab: str, host: str = "") -> Path:
    """Return the directory of a lab's (or one host's) group in a hierarchy."""
    return hierarchy.mount / ROOT / lab / host


def make(lab: str, host: str) -> None:
    """Make a host's group in every hierarchy."""
    for hierarchy in hierarchies():
        path = group(hierarchy, lab, host)
        (path / LEAF if hierarchy.kind == "cgroup2" else path).mkdir(parents=True, exist_ok=True)
        if "cpuset" in hierarchy.options.split(","):
            _inherit_cpuset(hierarchy.mount, path)


def roots(lab: str, host: str) -> list[Path]:
    """Return the ``cgroup.procs`` files of a host's groups: what its cgroup namespace is rooted at."""
    return [group(hierarchy, lab, host) / "cgroup.procs" for hierarchy in hierarchies()]


def entries(lab: str, host: str) -> list[Path]:
    """Return the ``cgroup.procs`` files that put a process among a host's own processes.

    In cgroup v2 that is a leaf beside the containers' groups: a group with controllers holds no process.
    """
    return [
        group(hierarchy, lab, host) / (LEAF if hierarchy.kind == "cgroup2" else "") / "cgroup.procs"
        for hierarchy in hierarchies()
    ]


def _inherit_cpuset(top: Path, path: Path) -> None:
    """Give each new v1 cpuset group its parent's processors and memory nodes: an empty one admits nobody."""
    for ancestor in (*reversed([p for p in path.parents if top in p.parents]), path):
        for knob in ("cpuset.cpus", "cpuset.mems"):
            if not (ancestor / knob).read_text().strip():
                (ancestor / knob).write_text((ancestor.parent / knob).read_text())


def exists(lab: str) -> bool:
    """Tell whether any hierarchy has a group of this lab."""
    return any(group(hierarchy, lab).is_dir() for hierarchy in hierarchies())


def processes(lab: str, host: str = "") -> set[int]:
    """Return the pids of every process in the groups of a lab, or of one of its hosts."""
    pids: set[int] = set()
    for top in _tops(lab, host):
        for procs in top.rglob("cgroup.procs"):
            try:
                pids.update(int(pid) for pid in procs.read_text().split())
            except OSError as gone:
                if gone.errno not in {errno.ENOENT, errno.ENODEV}:
                    raise
    return pids - {0}


def kill(lab: str, host: str = "", *, deadline_s: float) -> set[int]:
    """Kill every process of a lab, or of one host; return those still there after ``deadline_s`` seconds."""
    end = time.monotonic() + deadline_s
    while left := processes(lab, host):
        _signal(left)
        if time.monotonic() > end:
            return left
        time.sleep(0.01)
    return set()


def _signal(pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def remove(lab: str, deadline_s: float) -> Sequence[str]:
    """Remove the lab's (empty) groups everywhere; return the directories that would not go."""
    end = time.monotonic() + deadline_s
    while True:
        left = [str(path) for top in _tops(lab) for path in _remove_tree(top)]
        if not left or time.monotonic() > end:
            break
        time.sleep(0.02)
    for hierarchy in hierarchies():
        _rmdir(hierarchy.mount / ROOT)
    return left


def _tops(lab: str, host: str = "") -> list[Path]:
    return [top for top in (group(hierarchy, lab, host) for hierarchy in hierarchies()) if top.is_dir()]


def _remove_tree(top: Path) -> list[Path]:
    """Remove a group and those below it, deepest first; return what stayed."""
    below = [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
    return [path for path in below if not _rmdir(path)]


def _rmdir(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in {errno.EBUSY, errno.ENOTEMPTY}:
            return False
        raise
    return True


def memory(lab: str, host: str) -> int:
    """Return the bytes of memory that a host's processes and containers use; 0 where it is not counted."""
    for hierarchy in hierarchies():
        if hierarchy.kind == "cgroup2":
            knob = group(hierarchy, lab, host) / "memory.current"
        elif "memory" in hierarchy.options.split(","):
            knob = group(hierarchy, lab, host) / "memory.usage_in_bytes"
        else:
            continue
        if knob.is_file():
            return int(knob.read_text())
    return 0


def processor_s(lab: str, host: str) -> float:
    """Return the seconds of processor time that a host's processes and containers have used; 0 where nobody counts."""
    for hierarchy in hierarchies():
        top = group(hierarchy, lab, host)
        if hierarchy.kind == "cgroup2" and (top / "cpu.stat").is_file():
            return int((top / "cpu.stat").read_text().split()[1]) / 1e6  # its first line: usage_usec
        if "cpuacct" in hierarchy.options.split(",") and (top / "cpuacct.usage").is_file():
            return int((top / "cpuacct.usage").read_text()) / 1e9
    return 0.0
