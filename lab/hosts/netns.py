"""Embedded hosts: a set of namespaces on this machine each, with an own view of its root file system.

A host is held by its process 1; the segment between the hosts is a bridge in a network namespace of its own,
held by one more process. Nothing of a lab has a name that the rest of the machine could see: no named network
namespace, no link, no mount, no firewall rule (but for an uplink, where one is asked for). When the processes
end, the kernel takes all of that back; what is left to remove are directories.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.errors import InvalidInput, MachineLacks
from lab.hosts import cgroups, images, room, segment, state, uplink
from lab.hosts.base import HostChange, HostSpec, HostState, LabPaths, LabSpec, state_home
from lab.hosts.programs import attempt, remove_empty, spawn, wait, which
from lab.hosts.state import LabState

PROGRAMS = ("ip", "nft", "unshare", "nsenter", "mount", "pivot_root", "findmnt", "sleep")
END_DEADLINE_S = 10.0
DISK_FREE_MIB = 64
"""A host's first start writes about 40 MiB: its identity, its engine's data, the tutorial's images."""

_INIT = Path(__file__).with_name("netns_init.sh")
_DISK_TYPES = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs"})
_NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--fork")
_ENTER = ("-m", "-u", "-i", "-n", "-p", "-C")


def check(paths: LabPaths, spec: LabSpec) -> None:
    """Raise MachineLacks where this machine cannot hold the hosts of ``spec``, InvalidInput on a conflict."""
    if os.geteuid() != 0:
        raise MachineLacks("embedded hosts are made of namespaces, which only root can make", hint="use sudo")
    from_machine = any(not host.image for host in spec.hosts)
    needed = (*PROGRAMS, *(spec.programs if from_machine else ()))
    missing = [program for program in needed if which(program) is None]
    if missing:
        raise MachineLacks(
            f"missing on this machine: {', '.join(missing)}", hint="./labctl up installs what is missing"
        )
    if not _has_overlay():
        raise MachineLacks("the kernel has no overlay file system", hint="a kernel with CONFIG_OVERLAY_FS")
    if not cgroups.hierarchies():
        raise MachineLacks("no control groups are mounted", hint="mount -t cgroup2 cgroup2 /sys/fs/cgroup")
    known = state.read(paths)
    _check_foreign(paths, known)
    _check_running(spec, known)
    _check_roots(paths, spec, known)
    new = [host for host in spec.hosts if not paths.host_state(host.name).exists()]
    room.require_disk(paths.state, len(new) * DISK_FREE_MIB, f"for {len(new)} hosts", "LAB_STATE_DIR")
    uplink.plan(paths, spec, known)


def _has_overlay() -> bool:
    """Tell whether the kernel has the overlay file system, or can load it when the first one is mounted."""
    known = "overlay" in Path("/proc/filesystems").read_text().split()
    return known or attempt(["modprobe", "--dry-run", "--quiet", "overlay"]).returncode == 0


def _check_foreign(paths: LabPaths, known: LabState | None) -> None:
    """Refuse a name whose directory or control group somebody else uses: nothing of theirs is touched."""
    if known is not None:
        return
    if paths.state.is_dir() and set(paths.state.iterdir()) - {paths.runner, paths.state_draft}:
        raise InvalidInput(f"{paths.state} exists and is not a lab's", hint="give another --lab, or move it away")
    strangers = cgroups.processes(paths.name)
    if strangers:
        listed = ", ".join(str(pid) for pid in sorted(strangers))
        raise InvalidInput(
            f"control group {cgroups.ROOT}/{paths.name} holds processes that this lab did not start: {listed}",
            hint="give another --lab",
        )


def _check_running(spec: LabSpec, known: LabState | None) -> None:
    """Refuse to move hosts that run already: their swarm would lose them."""
    if known is None or known.process(segment.SWITCH) is None:
        return
    if known.segment != spec.segment:
        raise InvalidInput(f"this lab is up on {known.segment}, not {spec.segment}", hint="lab down first")
    for host in spec.hosts:
        if known.process(host.name) and known.hosts[host.name] != host.address:
            raise InvalidInput(
                f"runs with address {known.hosts[host.name]}, not {host.address}",
                host=host.name,
                hint="lab down first",
            )


def _check_roots(paths: LabPaths, spec: LabSpec, known: LabState | None) -> None:
    """Refuse another root below a disk that is there: what the host wrote lies on the files of the first."""
    for host in spec.hosts:
        if known is None or not (paths.host_state(host.name) / "installed").exists():
            continue
        before = Path(known.images[host.name]).name if host.name in known.images else "this machine's own"
        found = images.find(host.image) if host.image else None
        asked = found.path.name if found else host.image or "this machine's own"
        if before != asked:
            raise InvalidInput(
                f"its root is {before}, not {asked}, and its disk lies on that", host=host.name, hint="lab down first"
            )


def create(paths: LabPaths, spec: LabSpec, *, check: bool) -> HostChange:
    """Start every host of ``spec`` that does not run, all at once; a host that stopped starts with its disk.

    Raises MachineLacks with the end of the host's own log where one does not come up.
    """
    known = state.read(paths)
    before = _running(known)
    missing = tuple(host for host in spec.hosts if host.name not in before)
    after = {**before, **{host.name: host.address for host in missing}}
    way_out = uplink.plan(paths, spec, known)
    starts = (f"start host {host.name} at {host.address}" for host in missing)
    actions = (*starts, *uplink.missing(paths, spec, way_out, known))
    if check or not actions:
        return HostChange(before, after, actions)
    record = state.intended(spec, "netns", known, way_out)
    for host in spec.hosts:
        if host.image:
            record = state.with_image(record, host.name, str(images.require(host.image).path))
    state.write(paths, record)
    if missing:
        record = _start(paths, spec, record, missing)
    uplink.make(paths, spec, record)
    return HostChange(before, after, actions)


def _start(paths: LabPaths, spec: LabSpec, record: LabState, missing: Sequence[HostSpec]) -> LabState:
    """Start hosts, and the segment where it is not there; return the record with their processes, written."""
    paths.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    if record.process(segment.SWITCH) is None:
        cgroups.kill(spec.name, deadline_s=END_DEADLINE_S)
        record = state.with_process(record, segment.SWITCH, segment.start(paths, ipaddress.IPv4Network(spec.segment)))
        state.write(paths, record)
    switch = record.processes[segment.SWITCH].pid
    starts = {host.name: _start_host(paths, spec, host, record) for host in missing}
    for host in missing:
        record = state.with_process(record, host.name, _started(paths, host.name, starts[host.name]))
    segment.connect(switch, _running(record))
    state.write(paths, record)
    return record


def _running(known: LabState | None) -> dict[str, str]:
    if known is None or known.process(segment.SWITCH) is None:
        return {}
    return {name: address for name, address in known.hosts.items() if known.process(name)}


def _start_host(paths: LabPaths, spec: LabSpec, host: HostSpec, record: LabState) -> subprocess.Popen[bytes]:
    switch, image = record.processes[segment.SWITCH].pid, record.images.get(host.name, "")
    disk, run = paths.host_state(host.name), paths.host_run(host.name)
    cgroups.kill(paths.name, host.name, deadline_s=END_DEADLINE_S)
    if run.exists():
        shutil.rmtree(run)
    disk.mkdir(mode=0o700, parents=True, exist_ok=True)
    (disk / "pid.new").unlink(missing_ok=True)
    cgroups.make(paths.name, host.name)
    enter_leaf = 'for group in $LEAVES; do echo 0 >"$group"; done; exec unshare $SPACES sh "$INIT"'
    script = 'for group in $ROOTS; do echo 0 >"$group"; done; exec unshare --cgroup sh -ec "$ENTER_LEAF"'
    return spawn(
        ["sh", "-ec", script],
        {
            "ROOTS": " ".join(map(str, cgroups.roots(paths.name, host.name))),
            "LEAVES": " ".join(map(str, cgroups.entries(paths.name, host.name))),
            "ENTER_LEAF": enter_leaf,
            "SPACES": " ".join(_NAMESPACES),
            "INIT": str(_INIT),
            "HOST_NAME": host.name,
            "HOST_ADDRESS": host.address,
            "HOST_PREFIX": str(ipaddress.ip_network(spec.segment).prefixlen),
            "HOST_DISK": str(disk),
            "HOST_RUN": str(run),
            "HOST_PORT": segment.port(host.address),
            "SWITCH_PID": str(switch),
            "STATE_HOME": str(state_home()),
            "LAB_HOSTS": "\n".join(f"{other.address}\t{other.name}" for other in spec.hosts),
            "RESOLVER": uplink.resolver(spec, record.uplink),
            "CGROUPS": "\n".join(f"{h.mount} {h.kind} {h.options}" for h in cgroups.hierarchies()),
            "LOWER": f"{image}/tree" if image else "/",
            "DISKS": "" if image else "\n".join(disks(Path("/proc/self/mountinfo").read_text(), state_home())),
        },
        disk / "init.log",
    )


def disks(mountinfo: str, hidden: Path) -> list[str]:
    """Return the mount points besides / whose files a host must see too, parents first.

    From the text of proc(5)'s mountinfo: disks only, and none that holds the labs themselves.
    """
    points = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point, kind = cgroups.unescaped(before.split()[4]), after.split()[0]
        if kind in _DISK_TYPES and point != "/" and not _own(Path(point), hidden) and Path(point).is_dir():
            points.append(point)
    return sorted(set(points))


def _own(point: Path, hidden: Path) -> bool:
    """Tell whether a host has its own mount at ``point``, or below one of its own."""
    own = {hidden, *map(Path, ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/lib/docker"))}  # noqa: S108
    return point in own or not own.isdisjoint(point.parents)


def environment() -> dict[str, str]:
    """Return the environment of a program inside a host: nothing of the caller's but its terminal."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}


def _started(paths: LabPaths, host: str, process: subprocess.Popen[bytes]) -> int:
    """Wait for a host's process 1 and return its pid in this machine's eyes."""
    told = paths.host_state(host) / "pid.new"
    wait(
        lambda: told.exists() and told.read_text().endswith("\n"),
        process,
        paths.host_state(host) / "init.log",
        host,
    )
    return int(told.read_text())


def from_outside(paths: LabPaths, script: str) -> str:
    """Run a shell script on the segment, from an address that is none of the lab's hosts'; return its output."""
    known = state.read(paths)
    switch = known.process(segment.SWITCH) if known else None
    if switch is None:
        raise MachineLacks(f"lab '{paths.name}' is not up", hint="lab up")
    return segment.run(switch.pid, ["sh", "-c", script])


def hosts(paths: LabPaths) -> Sequence[HostState]:
    """Return the lab's recorded hosts, running or not, in the order in which they were asked for."""
    known = state.read(paths)
    if known is None:
        return ()
    running = _running(known)
    return tuple(
        HostState(
            name,
            address,
            running=True,
            pid=known.processes[name].pid,
            memory=cgroups.memory(paths.name, name),
            processor_s=cgroups.processor_s(paths.name, name),
        )
        if name in running
        else HostState(name, address, running=False)
        for name, address in known.hosts.items()
    )


def enter(paths: LabPaths, host: str) -> tuple[str, ...]:
    """Return the command prefix that runs a program inside a host: in its groups and all its namespaces.

    Raises InvalidInput where the lab has no such host, MachineLacks where it does not run.
    """
    known = state.read(paths)
    if known is None or host not in known.hosts:
        have = ", ".join(known.hosts) if known else "none: it is not up"
        raise InvalidInput(f"lab '{paths.name}' has no host '{host}'", hint=f"hosts: {have}")
    record = known.process(host)
    if record is None:
        raise MachineLacks("does not run", host=host, hint="lab up starts it")
    script = 'while [ "$1" != -- ]; do echo 0 >"$1"; shift; done; shift; exec "$@"'
    groups = [str(path) for path in cgroups.entries(paths.name, host)]
    return ("sh", "-c", script, "enter", *groups, "--", "nsenter", "-t", str(record.pid), *_ENTER)


def program(paths: LabPaths, host: str, argv: Sequence[str]) -> list[str]:
    """Return the command that runs a program inside a host as its root, or opens a shell there."""
    return [*enter(paths, host), *(argv or ("/bin/bash", "-l"))]


def reach(paths: LabPaths, hosts: Sequence[str]) -> None:
    """Do nothing: an embedded host's engine listens at a socket of this machine."""


def release(paths: LabPaths) -> None:
    """Do nothing: see ``reach``."""


def forget(paths: LabPaths, host: str) -> None:
    """End one host and remove its disk: it is no longer the lab's."""
    known = state.read(paths)
    if known is None:
        return
    left = cgroups.kill(paths.name, host, deadline_s=END_DEADLINE_S)
    if left:
        raise MachineLacks(f"processes that do not end: {', '.join(map(str, sorted(left)))}", host=host)
    for entry in (paths.host_run(host), paths.host_state(host)):
        _remove_files(entry)
    state.write(paths, state.without(known, host))


def destroy(paths: LabPaths, *, check: bool) -> HostChange:
    """Take the uplink off, end the lab's processes, remove its groups, disks and sockets; name what would not go."""
    known = state.read(paths)
    if known is None:
        return HostChange({}, {})
    before = dict(known.hosts)
    actions = tuple(f"remove host {name}" for name in before)
    if check:
        return HostChange(before, {}, actions)
    stuck = uplink.remove(paths, known)
    stuck += [f"process {pid} ({_program(pid)})" for pid in sorted(cgroups.kill(paths.name, deadline_s=END_DEADLINE_S))]
    stuck += [f"control group {path}" for path in cgroups.remove(paths.name, END_DEADLINE_S)]
    for entry in (
        paths.run,
        *(path for path in paths.state.iterdir() if path not in (paths.state_file, paths.runner)),
    ):
        stuck += [f"file {path}" for path in _remove_files(entry)]
    if not stuck:
        paths.state_file.unlink(missing_ok=True)
        remove_empty(paths.state, paths.state.parent, paths.run, paths.run.parent)
    return HostChange(before, {}, actions, tuple(stuck))


def _program(pid: int) -> str:
    try:
        return re.sub(r"\0", " ", Path(f"/proc/{pid}/cmdline").read_text()).strip()
    except (FileNotFoundError, ProcessLookupError):
        return "ending"


def _remove_files(entry: Path) -> list[str]:
    """Remove a file or a tree; return the paths that would not go, with the reason."""
    stuck: list[str] = []
    if not entry.is_dir():
        entry.unlink(missing_ok=True)
        return stuck

    def note(_: object, path: str, reason: object) -> None:
        error = reason[1] if isinstance(reason, tuple) else reason
        if not isinstance(error, FileNotFoundError):
            stuck.append(f"{path}: {error}")

    shutil.rmtree(entry, onerror=note)
    return stuck
