"""An inventory of this machine: everything that a lab could leave behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lab.hosts import cgroups
from lab.hosts.base import run_home, state_home

PROGRAMS = (
    *("dockerd", "containerd", "docker-proxy", "sleep", "ansible", "lab", "nsenter", "unshare", "runc"),
    *("qemu-system-x86_64", "qemu-img", "mmdebstrap"),
)


def inventory() -> dict[str, list[str]]:
    """Return processes of the kinds that a lab starts, namespaces, links, mounts, groups, rules, files, sockets."""
    return {
        "processes": _processes(),
        "network namespaces": _namespaces(),
        "links": _lines("ip", "-o", "link", cut="state"),
        "mounts": sorted(line.split(" ", 4)[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        "control groups": [str(path) for h in cgroups.hierarchies() for path in _groups(h.mount)],
        "firewall": _lines("nft", "list", "ruleset"),
        "files": [str(path) for home in (state_home(), run_home()) for path in _folders(home)],
        "home": sorted(str(path) for path in Path("~/.ansible").expanduser().rglob("*")),
        "etc": _stamps("/etc"),
        "docker": _stamps("/var/lib/docker"),
    }


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return what came or went, by kind; empty where the machine is as it was."""
    found = {}
    for kind, entries in before.items():
        came = [f"+ {entry}" for entry in sorted(set(after[kind]) - set(entries))]
        went = [f"- {entry}" for entry in sorted(set(entries) - set(after[kind]))]
        if came or went:
            found[kind] = came + went
    return found


def _folders(home: Path) -> list[Path]:
    """Return what labs keep below a home, down to each host's folder: its engine writes in there at any time."""
    return [*home.glob("*"), *home.glob("*/*")]


def _processes() -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            argv = (process / "cmdline").read_text().split("\0")
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        names = {Path(word).name for word in argv[:2]}
        sleeper = "sleep" in names and "infinity" not in argv
        if state != "Z" and names & set(PROGRAMS) and not sleeper and int(process.name) != os.getpid():
            found.append(f"{process.name} {' '.join(argv)}")
    return sorted(found)


def _namespaces() -> list[str]:
    """Return the network namespaces that any process is in."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.add(str((process / "ns" / "net").readlink()))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return sorted(found)


def _groups(mount: Path) -> list[Path]:
    """Return the groups that a lab or an engine would make, at the top of a hierarchy."""
    return [path for path in mount.glob("*") if path.is_dir() and path.name in {cgroups.ROOT, "docker"}]


def _lines(*command: str, cut: str = "") -> list[str]:
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.partition(cut)[0] if cut else line for line in output.splitlines()]


def _stamps(folder: str) -> list[str]:
    """Return every path below a folder with its size and the time of its last change."""
    found = []
    for path in Path(folder).rglob("*") if Path(folder).is_dir() else ():
        try:
            stat = path.lstat()
        except FileNotFoundError:
            continue
        found.append(f"{path} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}")
    return sorted(found)
