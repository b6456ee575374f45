"""Standalone containers of an engine: run, stop, remove, exec (Engine API: /containers, /exec)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from lab.engine import network, ownership
from lab.engine.change import Change, command_line
from lab.engine.client import APIError, Engine, ImageNotFound, NotFound, reported
from lab.errors import InvalidInput, LabError

REMOVAL_DEADLINE_S = 20.0
ATTACHMENTS = 3
"""Times that a container is made whose overlay is not there in time."""

Turn = Callable[[], AbstractContextManager[object]]
"""What is entered to be the only one of a run that makes a container."""


@dataclass(frozen=True)
class ContainerSpec:
    """A container as it should run; ``lab`` (or its ``stage``) owns it."""

    name: str
    lab: str
    image: str = ""
    network: str = ""
    command: Sequence[str] = ()
    interactive: bool = False
    tty: bool = False
    detach: bool = True
    remove: bool = False
    hostname: str = ""
    stop_timeout_s: int = 1
    stage: str = ""
    restart: str = ""
    """The restart policy (``unless-stopped``); empty for none."""

    def command_line(self) -> str:
        """Return the docker command that runs it."""
        flags = "".join(
            letter for letter, wanted in (("d", self.detach), ("i", self.interactive), ("t", self.tty)) if wanted
        )
        return command_line(
            "docker",
            "run",
            f"-{flags}" if flags else "",
            "--rm" if self.remove else "",
            *(("--name", self.name) if self.name else ()),
            *(("--restart", self.restart) if self.restart else ()),
            *(("--network", self.network) if self.network else ()),
            *(("--hostname", self.hostname) if self.hostname else ()),
            self.image,
            *self.command,
        )


@dataclass(frozen=True)
class Output:
    """What a command in a container printed, and its exit status."""

    status: int
    text: str


def inspect(engine: Engine, name: str) -> dict[str, Any] | None:
    """Return ``docker container inspect NAME``; None where there is no container of that name."""
    with reported(f"inspect container {name}"):
        try:
            inspected: dict[str, Any] = engine.inspect_container(name)
        except NotFound:
            return None
    return inspected if inspected["Name"] == f"/{name}" else None


def summary(inspected: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return state, image, networks and addresses of an inspected container; empty for an absent one."""
    if inspected is None:
        return {}
    networks = inspected["NetworkSettings"]["Networks"] or {}
    return {
        "state": inspected["State"]["Status"],
        "image": inspected["Config"]["Image"],
        "networks": {name: network.get("IPAddress", "") for name, network in sorted(networks.items())},
    }


def ensure_running(engine: Engine, spec: ContainerSpec, *, check: bool, turn: Turn = nullcontext) -> Change:
    """Make sure that the container runs; a stopped one of this lab's is replaced.

    Raises InvalidInput where the name is taken by a container that is not this lab's, LabError with the
    engine's own words where it does not start.
    """
    present = inspect(engine, spec.name)
    before = summary(present)
    if present is not None:
        _require_own(present, spec.name, spec.lab, spec.stage)
        if (
            present["State"]["Running"]
            and present["Config"]["Image"] == spec.image
            and _attached(engine, present, spec)
        ):
            return Change(before, before, spec.command_line(), output=present["Id"])
    actions = (f"remove container {spec.name}",) * bool(before) + (f"run container {spec.name}",)
    if check:
        return Change(before, _planned(spec), spec.command_line(), actions)
    if present is not None:
        _remove(engine, present["Id"], spec.name)
    container_id = _run(engine, spec, turn)
    return Change(before, summary(inspect(engine, spec.name)), spec.command_line(), actions, container_id)


def _run(engine: Engine, spec: ContainerSpec, turn: Turn) -> str:
    """Create and start a container; return its id.

    It is made anew where its overlay took longer than the 20 s that an engine waits for one: what was to be attached
    then is no longer known. One host after the other does so: all at once they were too much for the machine.
    """
    for number in range(1, ATTACHMENTS + 1):
        with nullcontext() if number == 1 else turn():
            container_id = create(engine, spec)
            try:
                with reported(f"start container {spec.name}"):
                    engine.start(container_id)
                break
            except LabError as error:
                if number == ATTACHMENTS or "attaching to network failed" not in error.message:
                    raise
                _remove(engine, container_id, spec.name)
    return container_id


def _attached(engine: Engine, present: Mapping[str, Any], spec: ContainerSpec) -> bool:
    """Tell whether the engine still lists a container on its network.

    A host that left the swarm and joined again keeps the container running, cut off from the overlay.
    """
    if not spec.network:
        return True
    found = network.inspect(engine, spec.network)
    return found is not None and present["Id"] in (found.get("Containers") or {})


def _planned(spec: ContainerSpec) -> dict[str, Any]:
    return {"state": "running", "image": spec.image, "networks": {spec.network or "bridge": ""}}


def create(engine: Engine, spec: ContainerSpec) -> str:
    """Create (not start) a container and return its id; the network is given in the same call.

    An attachable overlay is unknown on a worker until a container there asks for it.
    """
    try:
        with reported(f"create container {spec.name or spec.image}"):
            created = engine.create_container(
                spec.image,
                command=list(spec.command) or None,
                name=spec.name or None,
                hostname=spec.hostname or None,
                stdin_open=spec.interactive,
                tty=spec.tty,
                detach=spec.detach,
                labels=ownership.labels(spec.lab, spec.stage),
                host_config=engine.create_host_config(
                    network_mode=spec.network or None,
                    auto_remove=spec.remove,
                    restart_policy={"Name": spec.restart} if spec.restart else None,
                ),
                networking_config={"EndpointsConfig": {spec.network: {}}} if spec.network else None,
            )
    except LabError as error:
        if isinstance(error.__cause__, ImageNotFound):
            raise InvalidInput(f"image {spec.image} is not on this host", hint="lab up loads it") from error
        raise
    return str(created["Id"])


def _require_own(present: Mapping[str, Any], name: str, lab: str, stage: str = "") -> None:
    ownership.require_own(present["Config"].get("Labels"), "container", name, lab, stage)


def ensure_stopped(engine: Engine, name: str, lab: str, *, check: bool, timeout_s: int = 1) -> Change:
    """Stop the lab's container; kill it after ``timeout_s`` seconds. Absent or stopped ones stay as they are."""
    command = command_line("docker", "container", "stop", "-t", str(timeout_s), name)
    present = inspect(engine, name)
    before = summary(present)
    if present is None or not present["State"]["Running"]:
        return Change(before, before, command)
    _require_own(present, name, lab)
    if check:
        stopped = {**before, "state": "exited", "networks": dict.fromkeys(before["networks"], "")}
        return Change(before, stopped, command, (f"stop container {name}",))
    with reported(f"stop container {name}"):
        engine.stop(name, timeout=timeout_s)
    return Change(before, summary(inspect(engine, name)), command, (f"stop container {name}",), name)


def ensure_absent(engine: Engine, name: str, lab: str, *, check: bool) -> Change:
    """Remove the lab's container ``name``, running or not."""
    present = inspect(engine, name)
    running = present is not None and present["State"]["Running"]
    command = command_line("docker", "container", "rm", "-f" if running else "", name)
    if present is None:
        return Change({}, {}, command)
    _require_own(present, name, lab)
    if not check:
        _remove(engine, present["Id"], name)
    return Change(summary(present), {}, command, (f"remove container {name}",), name)


def _remove(engine: Engine, container_id: str, name: str) -> None:
    """Remove a container; where another removal of it is under way (a run that was killed), wait for that."""
    end = time.monotonic() + REMOVAL_DEADLINE_S
    with reported(f"remove container {name}"):
        while True:
            try:
                engine.remove_container(container_id, force=True, v=True)
            except NotFound:
                return
            except APIError as error:
                if "already in progress" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.05)


def execute(engine: Engine, name: str, argv: Sequence[str]) -> Output:
    """Run a command in a running container; return its output (both streams) and exit status."""
    with reported(f"exec in container {name}"):
        created = engine.exec_create(name, list(argv))
        text = engine.exec_start(created["Id"]).decode(errors="replace")
        status = engine.exec_inspect(created["Id"])["ExitCode"]
    return Output(status, text)


def exec_command_line(name: str, argv: Sequence[str]) -> str:
    """Return the docker command that runs ``argv`` in a container."""
    return command_line("docker", "exec", name, *argv)


def run_to_end(engine: Engine, spec: ContainerSpec, *, deadline_s: int) -> Output:
    """Run a container that is not detached until it ends; return its output and exit status.

    With ``spec.remove`` the engine removes it itself, as it does for ``docker run --rm``. Raises LabError where
    it has not ended in time; it is removed then.
    """
    container_id = create(engine, spec)
    with ThreadPoolExecutor(max_workers=2) as pool, reported(f"run container {spec.name}"):
        stream = engine.attach(container_id, stream=True)
        output = pool.submit(lambda: b"".join(stream))
        ended = pool.submit(engine.wait, container_id, condition="removed" if spec.remove else "next-exit")
        try:
            engine.start(container_id)
            status = int(ended.result(timeout=deadline_s)["StatusCode"])
        except NotInTime:
            raise LabError(f"container {spec.name} has not ended within {deadline_s} s") from None
        finally:
            if not ended.done():
                _remove(engine, container_id, spec.name)
        return Output(status, output.result().decode(errors="replace"))


def owned(engine: Engine, lab: str) -> list[dict[str, Any]]:
    """Return the lab's containers on this engine: id, name, image, state."""
    with reported("list containers"):
        found = engine.containers(all=True, filters=ownership.filters(lab))
    return [{"id": c["Id"], "name": c["Names"][0].lstrip("/"), "image": c["Image"], "state": c["State"]} for c in found]
