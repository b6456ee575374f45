"""Hosts that are there already, reached by SSH: nothing is made or ended, only remembered and forgotten."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lab.errors import HostUnreachable, InvalidInput, MachineLacks
from lab.hosts import link, state
from lab.hosts.base import HostChange, HostState, LabPaths, LabSpec, Route
from lab.hosts.programs import private, remove_empty, which
from lab.hosts.state import LabState

OUTSIDE_DEADLINE_S = 60.0


def check(paths: LabPaths, spec: LabSpec) -> None:
    """Raise MachineLacks where this machine has no ssh, InvalidInput where the lab is up with other hosts."""
    del spec
    if which("ssh") is None:
        raise MachineLacks("missing on this machine: ssh", hint="install openssh-client")
    _own(paths)


def _own(paths: LabPaths) -> LabState | None:
    known = state.read(paths)
    if known is not None and known.provider != "ssh":
        raise InvalidInput(f"lab '{paths.name}' is up with other hosts ({known.provider})", hint="lab down first")
    return known


def create(paths: LabPaths, spec: LabSpec, *, check: bool) -> HostChange:
    """Remember the hosts of ``spec``, how they are reached, and their addresses."""
    known = _own(paths)
    record = state.intended(spec, "ssh", known)
    before = dict(known.hosts) if known else {}
    new = [host for host in record.hosts if host not in before]
    if not check and record != known:
        state.write(paths, record)
    return HostChange(before, dict(record.hosts), tuple(f"take host {host} into the lab" for host in new))


def hosts(paths: LabPaths) -> Sequence[HostState]:
    """Return the lab's recorded hosts; whether each answers is for who asks it to find out."""
    known = state.read(paths)
    return tuple(HostState(name, address, running=True) for name, address in (known.hosts if known else {}).items())


def destroy(paths: LabPaths, *, check: bool) -> HostChange:
    """Forget the lab, and end every connection that it holds."""
    known = state.read(paths)
    if known is None:
        return HostChange({}, {})
    actions = tuple(f"forget host {name}" for name in known.hosts)
    if check:
        return HostChange(dict(known.hosts), {}, actions)
    stuck = link.close(paths, all_runs=True)
    if not stuck:
        shutil.rmtree(paths.run, ignore_errors=True)
        for entry in set(paths.state.iterdir()) - {paths.runner}:
            entry.unlink()
        remove_empty(paths.state, paths.state.parent, paths.run.parent)
    return HostChange(dict(known.hosts), {}, actions, tuple(stuck))


def forget(paths: LabPaths, host: str) -> None:
    """Forget one host, which is no longer the lab's."""
    known = state.read(paths)
    if known is not None:
        state.write(paths, state.without(known, host))


def from_outside(paths: LabPaths, script: str) -> str:
    """Run a shell script on this machine, which is none of the hosts; return its output."""
    del paths
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, timeout=OUTSIDE_DEADLINE_S)
    return done.stdout


def route(paths: LabPaths, host: str) -> Route:
    """Return how a host is reached; raises InvalidInput where the lab has no such host."""
    known = state.read(paths)
    if known is None or host not in known.routes:
        have = ", ".join(known.routes) if known else "none: it is not up"
        raise InvalidInput(f"lab '{paths.name}' has no host '{host}'", hint=f"hosts: {have}")
    return known.routes[host]


def program(paths: LabPaths, host: str, argv: Sequence[str]) -> list[str]:
    """Return the ssh command that runs a program on a host as its user, or opens a shell there."""
    return words(route(paths, host), argv)


def words(way: Route, argv: Sequence[str]) -> list[str]:
    """Return the ssh command that runs a program by a connection of its own, or opens a shell."""
    terminal = ["-t"] if os.isatty(0) else []
    return [*way.alone(*terminal), *([shlex.join(argv)] if argv else [])]


def environment() -> dict[str, str]:
    """Return the user's own environment, which ssh needs for its agent and its terminal."""
    return dict(os.environ)


def reach(paths: LabPaths, hosts: Sequence[str]) -> None:
    """Bring the engines' sockets here for as long as this process wants them; an unreachable host has none."""

    def bring(host: str) -> None:
        way = route(paths, host)
        private(paths.run.parent, paths.run, paths.controls)
        subprocess.run([*way.ssh(), "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        try:
            link.ensure(paths, host, way, os.getpid())
        except (HostUnreachable, subprocess.TimeoutExpired):
            paths.engine_socket(host).unlink(missing_ok=True)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(bring, hosts))


def release(paths: LabPaths) -> None:
    """End the links that this process made."""
    link.close(paths, owner=os.getpid())
