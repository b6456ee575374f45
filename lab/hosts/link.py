"""The way to a host by SSH, and its engine's socket at this end of it (0600, in the lab's own directory).

Everything goes through the one connection that Ansible's ssh made and holds by its control socket: the engine's
socket is forwarded over it; where the user may not open that socket, each connection to this end runs
``docker system dial-stdio`` by sudo at the other. No port of the engine is opened anywhere. A link belongs to the
run that made it, and ends with it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lab.errors import HostUnreachable
from lab.hosts.base import LabPaths, Route
from lab.hosts.programs import private, remove_empty
from lab.hosts.state import ProcessRecord, start_time
from lab.polling import until

ENGINE_SOCKET = "/var/run/docker.sock"
DIAL = "docker system dial-stdio"
DEADLINE_S = 10.0


@dataclass(frozen=True)
class Link:
    """A route with the engine's socket at this end; ``owner`` is the run that it ends with."""

    route: Route
    owner: ProcessRecord
    relay: ProcessRecord | None = None
    """The process that listens at this end; none where ssh itself forwards."""


def record(paths: LabPaths, host: str) -> Path:
    """Return the file that remembers a host's link while it lasts."""
    return paths.host_run(host) / "link.json"


def read(paths: LabPaths, host: str) -> Link | None:
    """Return the link to a host, None where there is none."""
    try:
        raw = json.loads(record(paths, host).read_text())
    except FileNotFoundError:
        return None
    relay = ProcessRecord(**raw["relay"]) if raw["relay"] else None
    return Link(Route.of(raw["route"]), ProcessRecord(**raw["owner"]), relay)


def answers(path: Path) -> bool:
    """Tell whether anybody listens at a socket of this machine."""
    with socket.socket(socket.AF_UNIX) as knock:
        try:
            knock.connect(str(path))
        except OSError:
            return False
        return True


def ensure(paths: LabPaths, host: str, route: Route, owner: int, *, password: str = "") -> Path:
    """Bring the engine's socket of a host to this machine; return where it is.

    ``owner`` is the pid of the run that it lasts as long as; a link of another run that still goes on is used as it
    is. ``password`` is sudo's, where it asks for one: handed to the relay's memory and to nothing else.
    Raises HostUnreachable with the words of ssh.
    """
    path = paths.engine_socket(host)
    known = read(paths, host)
    if known is not None and known.route == route and known.owner.alive() and answers(path):
        return path
    private(paths.run.parent, paths.run, path.parent)
    path.unlink(missing_ok=True)
    made = Link(route, ProcessRecord(owner, start_time(owner)))
    if route.dial:
        pid = _start_relay(path, route, made.owner, password, host)
        made = replace(made, relay=ProcessRecord(pid, start_time(pid)))
    else:
        forward(route, path, host)
    draft = record(paths, host).with_suffix(".new")
    draft.write_text(json.dumps(asdict(made)))
    draft.rename(record(paths, host))
    return path


def forward(route: Route, path: Path, host: str) -> None:
    """Have the held connection forward the engine's socket to ``path``; ssh makes that 0600."""
    way = ("-L", f"{path}:{ENGINE_SOCKET}")
    done = _ssh(route.ssh("-O", "forward", *way))
    if done.returncode != 0:  # the connection may have one from before, whose socket is no longer there
        _ssh(route.ssh("-O", "cancel", *way))
        done = _ssh(route.ssh("-O", "forward", *way))
    if done.returncode != 0:
        raise HostUnreachable(f"the engine's socket cannot be forwarded: {done.stderr.strip()}", host=host)


def _ssh(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )


def _start_relay(path: Path, route: Route, owner: ProcessRecord, password: str, host: str) -> int:
    """Start the process that listens at ``path``; return its pid once it does."""
    dial = [*route.ssh(), f"sudo -S -p '' {DIAL}" if password else f"sudo -n {DIAL}"]
    order = {"path": str(path), "owner": asdict(owner), "command": dial, "password": password}
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.hosts.relay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    assert process.stdin is not None
    with process.stdin as told:
        told.write(json.dumps(order).encode())
    listens, _ = until(
        lambda: answers(path),
        lambda listens: listens or process.poll() is not None,
        deadline_s=DEADLINE_S,
        every_s=0.01,
    )
    if not listens:
        raise HostUnreachable("the relay to its engine did not start", host=host)
    return process.pid


def revive(paths: LabPaths, host: str) -> None:
    """Bring a link back whose connection has ended meanwhile, as after a pause longer than ssh holds one."""
    known = read(paths, host)
    path = paths.engine_socket(host)
    if known is None or known.route.dial or answers(path):
        return
    path.unlink(missing_ok=True)
    _ssh([*known.route.ssh(), "true"])
    forward(known.route, path, host)


def close(paths: LabPaths, *, owner: int = 0, all_runs: bool = False) -> list[str]:
    """End the links of a run, and of runs that have gone, or of all; return what would not end.

    With the last of them go the connections that Ansible held for this lab.
    """

    def end(path: Path) -> list[str]:
        known = read(paths, path.parent.name)
        if known is None or not (all_runs or known.owner.pid == owner or not known.owner.alive()):
            return []
        return _close(paths, path.parent.name, known)

    with ThreadPoolExecutor(max_workers=8) as pool:
        stuck = [one for each in pool.map(end, sorted(paths.run.glob("*/link.json"))) for one in each]
    if not any(paths.run.glob("*/link.json")):
        for control in paths.controls.glob("*"):
            _ssh(["ssh", "-o", f"ControlPath={control}", "-O", "stop", "host"])
        remove_empty(paths.controls, paths.run, paths.run.parent)
    return stuck


def _close(paths: LabPaths, host: str, known: Link) -> list[str]:
    socket_path = paths.engine_socket(host)
    if known.relay is not None and not known.relay.end(DEADLINE_S):
        return [f"process {known.relay.pid} (relay to {host})"]
    _ssh(known.route.ssh("-O", "stop"))
    socket_path.unlink(missing_ok=True)
    record(paths, host).unlink(missing_ok=True)
    if not any(socket_path.parent.iterdir()):
        socket_path.parent.rmdir()
    return []


_WORDS = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key is another than the one known",
        "if the host was made anew, remove the old key (ssh-keygen -R) and compare the new one; if not, do not connect",
    ),
    (
        "Host key verification failed",
        "its host key is not known",
        "connect once by hand, and compare the fingerprint with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there",
    ),
    ("Permission denied", "it does not accept this user with this key", "ansible_user, ansible_ssh_private_key_file"),
    ("Could not resolve hostname", "its name does not resolve", "ansible_host"),
    ("Connection refused", "nothing listens at its SSH port", "ansible_port; is sshd running there?"),
    ("timed out", "does not answer", "is it up? ansible_host, ansible_port"),
    ("No route to host", "does not answer", "is it up? ansible_host, ansible_port"),
    ("Network is unreachable", "no route from here", "ansible_host"),
)


def explained(words: str) -> HostUnreachable:
    """Return what ssh said as an error for a person, with what to do about it."""
    for sign, message, hint in _WORDS:
        if sign.lower() in words.lower():
            return HostUnreachable(f"SSH: {message}", hint=hint)
    lines = [line for line in words.strip().splitlines() if line.strip()]
    return HostUnreachable(f"SSH: {lines[-1].strip() if lines else 'no connection'}")
