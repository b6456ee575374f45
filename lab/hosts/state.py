"""The record of what a lab created: written before a thing is made, so that it can always be found again."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lab.hosts.base import LabPaths, LabSpec, Route
from lab.polling import until

VERSION = 1


@dataclass(frozen=True)
class ProcessRecord:
    """A process by pid and start time (clock ticks since boot, proc(5) field 22): together never reused."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Tell whether this very process still runs (a zombie does not)."""
        return self.pid > 0 and self.started >= 0 and start_time(self.pid) == self.started

    def end(self, deadline_s: float) -> bool:
        """End it, and kill it where half the time did not do; tell whether it has gone."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                if self.alive():
                    os.kill(self.pid, number)
            except ProcessLookupError:
                return True
            if not until(self.alive, lambda alive: not alive, deadline_s=deadline_s / 2, every_s=0.01)[0]:
                return True
        return False


@dataclass(frozen=True)
class Uplink:
    """A lab's way outwards through this machine: what was asked for, and what is to be put back."""

    namespace: int
    """Inode of the network namespace in which the machine's end of the link lies."""
    transfer: str
    """The IPv4 network (CIDR) of that link, with two addresses: the machine's and the lab's."""
    interfaces: tuple[str, ...]
    """The machine's own interfaces through which the lab goes out."""
    name_servers: tuple[str, ...]
    forwarding: Mapping[str, str] = field(default_factory=dict)
    """Interface, or ``all``, to what its ``forwarding`` knob was before any lab had an uplink."""


@dataclass(frozen=True)
class LabState:
    """What is recorded of a lab."""

    lab: str
    provider: str
    segment: str
    inventory: str
    boot: str
    hosts: Mapping[str, str]
    """Host name to its address on the segment."""
    processes: Mapping[str, ProcessRecord] = field(default_factory=dict)
    """Host name (or ``.switch``) to the process that holds its namespaces."""
    uplink: Uplink | None = None
    routes: Mapping[str, Route] = field(default_factory=dict)
    """Host name to how SSH reaches it."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Host name to the directory of the host image that its disk lies on; hosts without one are not in it."""

    def process(self, name: str) -> ProcessRecord | None:
        """Return the live process that holds a host or the switch, None where there is none."""
        record = self.processes.get(name)
        if record is None or self.boot != boot_id() or not record.alive():
            return None
        return record


def start_time(pid: int) -> int:
    """Return a live process's start time in clock ticks since boot; -1 where there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])


def boot_id() -> str:
    """Return the id of this boot of the machine: pids of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def intended(spec: LabSpec, provider: str, known: LabState | None, uplink: Uplink | None = None) -> LabState:
    """Return the record to write before the hosts of ``spec`` are made, keeping what is known already."""
    kept = known.processes if known is not None and known.boot == boot_id() else {}
    return LabState(
        lab=spec.name,
        provider=provider,
        segment=spec.segment,
        inventory=spec.inventory,
        boot=boot_id(),
        hosts={**(known.hosts if known else {}), **{host.name: host.address for host in spec.hosts}},
        processes=dict(kept),
        uplink=uplink,
        routes={**(known.routes if known else {}), **{host.name: host.route for host in spec.hosts if host.route}},
        images=dict(known.images) if known else {},
    )


def with_image(state: LabState, name: str, image: str) -> LabState:
    """Return ``state`` with the directory of the image that a host's disk lies on."""
    return replace(state, images={**state.images, name: image})


def with_process(state: LabState, name: str, pid: int) -> LabState:
    """Return ``state`` with the process that now holds ``name``."""
    return replace(state, processes={**state.processes, name: ProcessRecord(pid, start_time(pid))})


def without(state: LabState, host: str) -> LabState:
    """Return ``state`` without a host."""

    def others(entries: Mapping[str, Any]) -> dict[str, Any]:
        return {name: entry for name, entry in entries.items() if name != host}

    return replace(
        state,
        hosts=others(state.hosts),
        processes=others(state.processes),
        routes=others(state.routes),
        images=others(state.images),
    )


def read(paths: LabPaths) -> LabState | None:
    """Return the lab's record, None where there is none."""
    try:
        raw = json.loads(paths.state_file.read_text())
    except FileNotFoundError:
        return None
    processes = {name: ProcessRecord(**record) for name, record in raw["processes"].items()}
    return LabState(
        lab=raw["lab"],
        provider=raw["provider"],
        segment=raw["segment"],
        inventory=raw["inventory"],
        boot=raw["boot"],
        hosts=raw["hosts"],
        processes=processes,
        uplink=_uplink(raw.get("uplink")),
        routes={name: Route.of(route) for name, route in raw.get("routes", {}).items()},
        images=raw.get("images", {}),
    )


def _uplink(raw: Mapping[str, Any] | None) -> Uplink | None:
    if raw is None:
        return None
    return Uplink(
        **{**raw, "interfaces": tuple(raw["interfaces"]), "name_servers": tuple(raw["name_servers"])},
    )


def write(paths: LabPaths, state: LabState) -> None:
    """Write the record whole or not at all."""
    paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths.state_draft.write_text(json.dumps({"version": VERSION, **asdict(state)}, indent=2) + "\n")
    paths.state_draft.rename(paths.state_file)


def remember_route(paths: LabPaths, host: str, route: Route) -> None:
    """Record that a host is reached another way than before, if it is; several processes may do so at once."""
    directory = os.open(paths.state, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        known = read(paths)
        if known is not None and known.routes.get(host) != route:
            write(paths, replace(known, routes={**known.routes, host: route}))
    finally:
        os.close(directory)


def known_labs(home: Path) -> list[str]:
    """Return the names of the labs that have a record below ``home``, in order."""
    return sorted(record.parent.name for record in home.glob("*/state.json"))
