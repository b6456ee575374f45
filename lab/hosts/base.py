"""What every host provider has in common: where a lab's things lie, and what a provider can do."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lab.errors import InvalidInput

DEFAULT_LAB = "lab"
DEFAULT_SEGMENT = "198.18.0.0/24"
"""A segment of RFC 2544's benchmarking range: outside Docker's default pools and of private networks."""

_LAB_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def check_lab_name(name: str) -> str:
    """Return ``name`` if it can name a lab, else raise InvalidInput.

    The same alphabet as a host name's label, at most 32 characters: the name becomes part of paths.
    """
    if not is_lab_name(name):
        raise InvalidInput(
            f"'{name}' cannot name a lab",
            hint="lower-case letters, digits and inner hyphens, at most 32 characters",
        )
    return name


def is_lab_name(name: str) -> bool:
    """Tell whether ``name`` can name a lab."""
    return _LAB_NAME.fullmatch(name) is not None


def is_host_name(name: str) -> bool:
    """Tell whether ``name`` is one label of a host name (RFC 1123, lower case)."""
    return _HOST_NAME.fullmatch(name) is not None


def state_home() -> Path:
    """Return the directory below which each lab keeps its state (0700); LAB_STATE_DIR moves it.

    Users other than root have theirs where the XDG base directories say.
    """
    own = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    usual = Path("/var/lib") if os.geteuid() == 0 else Path(own).expanduser()
    return Path(os.environ.get("LAB_STATE_DIR") or usual / "swarm-lab")


def run_home() -> Path:
    """Return the directory below which each lab keeps its sockets (0700); LAB_RUN_DIR moves it."""
    own = os.environ.get("XDG_RUNTIME_DIR")
    usual = (
        Path("/run") / "swarm-lab" if os.geteuid() == 0 else Path(own) / "swarm-lab" if own else state_home() / "run"
    )
    return Path(os.environ.get("LAB_RUN_DIR") or usual)


def image_home() -> Path:
    """Return the directory with the host images, which labs share; LAB_IMAGE_DIR moves it."""
    own = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    usual = Path("/var/cache") if os.geteuid() == 0 else Path(own).expanduser()
    return Path(os.environ.get("LAB_IMAGE_DIR") or usual / "swarm-lab")


@dataclass(frozen=True)
class LabPaths:
    """Where the things of one lab lie on this machine."""

    name: str
    state: Path
    run: Path

    @classmethod
    def of(cls, name: str) -> LabPaths:
        """Return the paths of the lab called ``name``; raises InvalidInput on an impossible name."""
        check_lab_name(name)
        return cls(name, state_home() / name, run_home() / name)

    @property
    def state_file(self) -> Path:
        """The lab's record of what it created."""
        return self.state / "state.json"

    @property
    def state_draft(self) -> Path:
        """The record while it is being written."""
        return self.state / "state.new"

    @property
    def runner(self) -> Path:
        """The private directories of playbooks' runs, one a run; gone when the run ends."""
        return self.state / "runner"

    @property
    def lock_file(self) -> Path:
        """The lock of the run that changes this lab; beside the lab's directory, so that it outlives it."""
        return self.run.with_name(f"{self.name}.lock")

    @property
    def controls(self) -> Path:
        """The control sockets of the connections that Ansible's ssh holds for this lab."""
        return self.run / "ssh"

    def host_state(self, host: str) -> Path:
        """Return the directory with a host's disk."""
        return self.state / "hosts" / host

    def host_run(self, host: str) -> Path:
        """Return the directory that an embedded host sees as its /run."""
        return self.run / host

    def engine_socket(self, host: str) -> Path:
        """Return the one address by which everything else reaches a host's engine."""
        return self.host_run(host) / "docker.sock"


@dataclass(frozen=True)
class Route:
    """How SSH reaches a host: program and options, and the destination."""

    command: tuple[str, ...]
    destination: str
    sudo: bool = False
    """Whether the user becomes root by sudo; else root itself logs in, or nobody becomes root."""
    dial: bool = False
    """Whether the engine's socket is closed to the user, and only root opens it."""

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Route:
        """Return a route out of its JSON form."""
        return cls(tuple(raw["command"]), raw["destination"], raw["sudo"], raw["dial"])

    def alone(self, *words: str) -> list[str]:
        """Return a command line for a connection of its own, which nothing else shares and which ends with it."""
        own = (
            "-o",
            "ControlMaster=no",
            "-o",
            "ControlPath=none",
        )  # of each option, ssh takes the first that it is given
        return [self.command[0], *own, *self.command[1:], *words, self.destination]

    def ssh(self, *words: str) -> list[str]:
        """Return a command line: ssh, its options, ``words`` before the destination."""
        return [*self.command, *words, self.destination]


@dataclass(frozen=True)
class HostSpec:
    """A host as the inventory asks for it: its name and its IPv4 address on the lab's segment."""

    name: str
    address: str
    route: Route | None = None
    """How it is reached, where that is by SSH."""
    image: str = ""
    """The host image whose root it has; where there is none, an embedded host has this machine's."""
    memory_mib: int = 0
    processors: int = 0
    """Of a virtual machine; 0 for the usual."""
    ssh_port: int = 0
    """This machine's port by which SSH reaches a virtual machine; 0 for one that is free."""


@dataclass(frozen=True)
class LabSpec:
    """All hosts of a lab and the IPv4 network (CIDR) that they share."""

    name: str
    segment: str
    hosts: tuple[HostSpec, ...]
    inventory: str = ""
    programs: tuple[str, ...] = ()
    """What is to be found on the hosts; a provider whose hosts have this machine's programs looks for them here."""
    uplink: bool = False
    """Whether the hosts are to have a route outwards; hosts that have one keep it."""
    name_servers: tuple[str, ...] = ()
    """The name servers of hosts with a route outwards; where there are none, the machine's own."""


@dataclass(frozen=True)
class HostState:
    """A host as it is: whether it runs, and the process (pid in this machine's eyes) that holds it."""

    name: str
    address: str
    running: bool
    pid: int = 0
    memory: int = 0
    """Bytes that it uses; 0 where nobody counts them."""
    processor_s: float = 0.0
    """Seconds of processor time that it has used; 0 where nobody counts them."""


@dataclass(frozen=True)
class HostChange:
    """What creating or destroying did: the hosts before and after, and what was done, in words."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    actions: Sequence[str] = ()
    survivors: Sequence[str] = field(default=())
    note: str = ""
    """What a person should know of how it was done."""

    @property
    def changed(self) -> bool:
        """Whether anything is different now."""
        return dict(self.before) != dict(self.after) or bool(self.actions)


class Provider(Protocol):
    """A way to get hosts. Every method takes the paths of one lab and touches nothing beside them."""

    def check(self, paths: LabPaths, spec: LabSpec) -> None:
        """Raise MachineLacks where this machine cannot make such hosts. Changes nothing."""

    def create(self, paths: LabPaths, spec: LabSpec, *, check: bool) -> HostChange:
        """Bring every host of ``spec`` up; repeatable. With ``check``, only tell what would be done."""

    def hosts(self, paths: LabPaths) -> Sequence[HostState]:
        """Return the lab's recorded hosts."""

    def destroy(self, paths: LabPaths, *, check: bool) -> HostChange:
        """Remove all that create made; repeatable; what would not go is named in ``survivors``."""

    def from_outside(self, paths: LabPaths, script: str) -> str:
        """Run a shell script from an address on the segment that is none of the hosts'; return its output."""

    def program(self, paths: LabPaths, host: str, argv: Sequence[str]) -> list[str]:
        """Return the command that runs a program on a host, or with no ``argv`` opens a shell there."""

    def environment(self) -> dict[str, str]:
        """Return the environment for what ``program`` returns."""

    def reach(self, paths: LabPaths, hosts: Sequence[str]) -> None:
        """Bring the engines' sockets of hosts to this machine, until ``release`` or this process ends."""

    def forget(self, paths: LabPaths, host: str) -> None:
        """Remove one host that is no longer the lab's, or forget it where it was not made by the lab."""

    def release(self, paths: LabPaths) -> None:
        """Take back what this process's ``reach`` did."""
