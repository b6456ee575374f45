"""Virtual machines of this machine's QEMU: each with a kernel of its own, reached by SSH, made by any user.

A machine has two interfaces: one on which this machine's loopback forwards a port to its sshd and nothing else
passes, and one on the segment that the lab's machines share. Its disk is a layer above the image's. It ends with its
process; what is left to remove are files.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lab.errors import HostUnreachable, InvalidInput, MachineLacks
from lab.hosts import guest, images, link, qemu, recipes, room, seed, ssh, state
from lab.hosts.base import HostChange, HostSpec, HostState, LabPaths, LabSpec, Route
from lab.hosts.programs import private, remove_empty, run, spawn
from lab.hosts.qemu import Acceleration, Machine, Wire
from lab.hosts.segment import outsider
from lab.hosts.state import LabState
from lab.polling import until

IMAGE = "trixie"
MEMORY_MIB = 1024
PROCESSORS = 1
DISK_MIB = 600
"""What a machine's own layer takes once the tutorial has run on it, and some room."""

BOOT_S = 45.0
"""Seconds that a machine has until its sshd answers, where KVM runs it."""


environment = ssh.environment
reach = ssh.reach
release = ssh.release


def program(paths: LabPaths, host: str, argv: Sequence[str]) -> list[str]:
    """Return the ssh command that runs a program on a machine as its user, or opens a shell there.

    Raises InvalidInput where the lab has no such machine, MachineLacks where it does not run.
    """
    known = state.read(paths)
    if known is None or host not in known.hosts:
        have = ", ".join(known.hosts) if known else "none: it is not up"
        raise InvalidInput(f"lab '{paths.name}' has no host '{host}'", hint=f"hosts: {have}")
    if known.process(host) is None:
        raise MachineLacks("does not run", host=host, hint="lab up starts it")
    return ssh.words(Route(("ssh", "-F", str(ssh_config(paths))), host), argv)


def ssh_config(paths: LabPaths) -> Path:
    """Return the file by which ssh reaches the lab's machines by their names: ``ssh -F FILE HOST``."""
    return paths.state / "ssh_config"


def check(paths: LabPaths, spec: LabSpec) -> None:
    """Raise MachineLacks where this machine cannot hold the machines of ``spec``, InvalidInput on a conflict."""
    known = _own(paths, spec)
    qemu.system(recipes.architecture())
    running = _running(known)
    new = [host for host in spec.hosts if host.name not in running]
    for host in spec.hosts:
        if host.name in running and running[host.name] != host.address:
            raise InvalidInput(
                f"runs with address {running[host.name]}, not {host.address}", host=host.name, hint="lab down first"
            )
    if spec.uplink:
        raise InvalidInput("virtual machines have no uplink", hint="lab_uplink is for embedded hosts")
    _check_roots(known, spec)
    _check_ports(spec, new)
    _check_room(paths, new)


def _own(paths: LabPaths, spec: LabSpec) -> LabState | None:
    known = state.read(paths)
    if known is None and paths.state.is_dir() and set(paths.state.iterdir()) - {paths.runner, paths.state_draft}:
        raise InvalidInput(f"{paths.state} exists and is not a lab's", hint="give another --lab, or move it away")
    if known is not None and known.provider != "vm":
        raise InvalidInput(f"lab '{paths.name}' is up with other hosts ({known.provider})", hint="lab down first")
    if known is not None and known.segment != spec.segment and _running(known):
        raise InvalidInput(f"this lab is up on {known.segment}, not {spec.segment}", hint="lab down first")
    return known


def _check_roots(known: LabState | None, spec: LabSpec) -> None:
    """Refuse another image below a disk that is there."""
    for host in spec.hosts:
        recipe = recipes.recipe(host.image)
        asked = f"{recipe.name}-{recipe.digest(recipes.architecture())}"
        before = Path(known.images[host.name]).name if known and host.name in known.images else asked
        if before != asked:
            raise InvalidInput(f"its disk lies on image {before}, not {asked}", host=host.name, hint="lab down first")


def _check_ports(spec: LabSpec, new: Sequence[HostSpec]) -> None:
    """Refuse ports for SSH that two hosts ask for, or somebody has."""
    asked = [host.ssh_port for host in spec.hosts if host.ssh_port]
    for host in new:
        if host.ssh_port and asked.count(host.ssh_port) > 1:
            raise InvalidInput(f"several hosts ask for port {host.ssh_port} for SSH", host=host.name)
        if host.ssh_port and not guest.is_free(host.ssh_port):
            raise InvalidInput(
                f"port {host.ssh_port} of this machine, for SSH to it, is taken",
                host=host.name,
                hint="give another lab_host_ssh_port, or none: then a free one is found",
            )


def _check_room(paths: LabPaths, new: Sequence[HostSpec]) -> None:
    """Refuse more machines than there is memory and disk for."""
    memory = sum((host.memory_mib or MEMORY_MIB) + qemu.OVERHEAD_MIB for host in new)
    purpose = f"for {len(new)} virtual machines"
    room.require_memory(memory, purpose, "fewer hosts, or a smaller lab_host_memory_mib")
    room.require_disk(paths.state, len(new) * DISK_MIB, purpose, "LAB_STATE_DIR")


def create(paths: LabPaths, spec: LabSpec, *, check: bool) -> HostChange:
    """Start every machine of ``spec`` that does not run, all at once, and wait until each one's sshd answers.

    Raises HostUnreachable with the last lines of its console where one does not come up; that one is ended again.
    """
    known = state.read(paths)
    before = _running(known)
    missing = [host for host in spec.hosts if host.name not in before]
    after = {**before, **{host.name: host.address for host in missing}}
    actions = tuple(f"start virtual machine {host.name} at {host.address}" for host in missing)
    record = state.intended(spec, "vm", known)
    if check or (not missing and record == known):
        return HostChange(before, after, actions)
    for host in missing:
        record = state.with_image(record, host.name, str(images.require(host.image).path))
    state.write(paths, record)
    if not missing:
        return HostChange(before, after, actions)
    how = qemu.acceleration(images.require(missing[0].image))
    processes = {}
    for host in missing:
        processes[host.name] = _start(paths, spec, host, how)
        record = state.with_process(record, host.name, processes[host.name].pid)
        state.write(paths, record)
    _write_config(paths, record)
    _wait(paths, processes, how)
    return HostChange(before, after, actions, note=f"virtual machines are {how}")


def _start(paths: LabPaths, spec: LabSpec, host: HostSpec, how: Acceleration) -> subprocess.Popen[bytes]:
    folder = paths.host_state(host.name)
    private(folder)
    image, disk = images.require(host.image), _disk(paths, host.name)
    guest.end_strays(disk, host.name)
    user_key = seed.key_pair(paths.state / "key")
    seed.key_pair(folder / "host_key")
    interfaces = seed.hardware(host.address)
    prefix = ipaddress.ip_network(spec.segment).prefixlen
    others = {other.name: other.address for other in spec.hosts}
    own = seed.files(host.name, others, prefix, host_key=folder / "host_key", user_key=user_key)
    seed.write(folder / "seed.tar", own)
    if not disk.exists():
        draft = disk.with_suffix(".new")
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image.disk), str(draft)])
        draft.rename(disk)
    _console(paths, host.name).unlink(missing_ok=True)
    port = _choose_port(folder, host)
    machine = Machine(
        name=host.name,
        image=image,
        disk=disk,
        seed=folder / "seed.tar",
        console=_console(paths, host.name),
        identity=hashlib.sha256((folder / "host_key").read_bytes()).hexdigest()[:32],
        port=port,
        wire=wire(paths),
        outer=interfaces[0],
        inner=interfaces[1],
        processors=host.processors or PROCESSORS,
        memory_mib=host.memory_mib or MEMORY_MIB,
    )
    return spawn(qemu.command(machine, how), {"LANG": "C"}, folder / "qemu.log")


def wire(paths: LabPaths) -> Wire:
    """Return the segment between the lab's machines: another for each user and lab."""
    return Wire.of(f"{os.geteuid()} {paths.state}")


def _choose_port(folder: Path, host: HostSpec) -> int:
    """Return the port for SSH to a machine: the one asked for, else the one that it had, else a free one."""
    record = folder / "port"
    port = host.ssh_port or (int(record.read_text()) if record.exists() else 0)
    if not port or (not host.ssh_port and not guest.is_free(port)):
        port = guest.free_port()
    record.write_text(f"{port}\n")
    return port


def _write_config(paths: LabPaths, record: LabState) -> None:
    ports, keys = {}, []
    for name in record.hosts:
        folder = paths.host_state(name)
        if (folder / "port").exists():
            ports[name] = _port(paths, name)
            keys.append(f"{name} {seed.key_pair(folder / 'host_key')}\n")
    (paths.state / "known_hosts").write_text("".join(keys))
    ssh_config(paths).write_text(seed.ssh_config(paths.state / "key", paths.state / "known_hosts", ports))


def _wait(paths: LabPaths, processes: dict[str, subprocess.Popen[bytes]], how: Acceleration) -> None:
    """Wait for every sshd's greeting.

    Machines that do not come up are ended; raises HostUnreachable with the last lines of the first one's console.
    """
    within = BOOT_S * how.factor
    end = time.monotonic() + within
    problems: dict[str, str] = {}
    for name, process in processes.items():
        problem, _ = until(
            partial(_problem, paths, name, process, _port(paths, name)),
            lambda problem: problem is not None,
            deadline_s=max(0.0, end - time.monotonic()),
            every_s=0.1,
        )
        if problem != "":
            problems[name] = problem or f"did not come up within {within:.0f} s"
    for name in problems:
        processes[name].kill()
        processes[name].wait()
    if problems:
        name, problem = next(iter(problems.items()))
        others = f"; so did {', '.join(list(problems)[1:])}" if len(problems) > 1 else ""
        raise HostUnreachable(
            problem + others,
            host=name,
            problems=tuple(guest.console(_console(paths, name))),
            hint=f"console: {_console(paths, name)}",
        )


def _problem(paths: LabPaths, name: str, process: subprocess.Popen[bytes], port: int) -> str | None:
    """Return why a machine will not come up any more, empty where its sshd greets, None as long as it may."""
    if process.poll() is not None:
        words = (paths.host_state(name) / "qemu.log").read_text(errors="replace").strip().splitlines()
        return f"its QEMU ended: {words[-1] if words else f'exit status {process.returncode}'}"
    if guest.gave_up(_console(paths, name)):
        return "its kernel gave up"
    return "" if guest.greets(port) else None


def _port(paths: LabPaths, name: str) -> int:
    return int((paths.host_state(name) / "port").read_text())


def _disk(paths: LabPaths, name: str) -> Path:
    return paths.host_state(name) / "disk.qcow2"


def _console(paths: LabPaths, name: str) -> Path:
    return paths.host_state(name) / "console.log"


def _running(known: LabState | None) -> dict[str, str]:
    return {name: address for name, address in known.hosts.items() if known.process(name)} if known else {}


def hosts(paths: LabPaths) -> Sequence[HostState]:
    """Return the lab's recorded machines, with what their processes use."""
    known = state.read(paths)
    if known is None:
        return ()
    found = []
    for name, address in known.hosts.items():
        process = known.process(name)
        if process is None:
            found.append(HostState(name, address, running=False))
            continue
        processor_s, memory = guest.use(process.pid)
        found.append(
            HostState(
                name,
                address,
                running=True,
                pid=process.pid,
                memory=memory,
                processor_s=processor_s,
            )
        )
    return tuple(found)


def from_outside(paths: LabPaths, script: str) -> str:
    """Run a shell script on the segment, at an address that is none of the hosts'; return its output.

    It runs in a network namespace of the first machine, on an interface whose frames all go out to the segment, and
    come back from there where they are for that machine itself.
    """
    known = state.read(paths)
    if known is None or not _running(known):
        raise MachineLacks(f"lab '{paths.name}' is not up", hint="lab up")
    host, address = next(iter(_running(known).items()))
    segment = ipaddress.IPv4Network(known.segment)
    own = f"{outsider(segment)}/{segment.prefixlen}"
    setup = f"""
device=$(ip -o -4 addr show to {address}/32 | cut -d ' ' -f 2)
ip netns add outsider || exit
trap 'ip netns del outsider' EXIT
ip link add link "$device" name outsider netns outsider type macvlan mode vepa &&
	ip -n outsider addr add {own} dev outsider && ip -n outsider link set outsider up &&
	ip netns exec outsider sh -c {shlex.quote(script)}
"""
    done = subprocess.run(
        program(paths, host, ["sudo", "-n", "sh", "-c", setup]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=ssh.OUTSIDE_DEADLINE_S,
    )
    if done.returncode != 0 and not done.stdout:
        raise HostUnreachable(f"nothing can be run on the segment: {done.stderr.strip()}", host=host)
    return done.stdout


def forget(paths: LabPaths, host: str) -> None:
    """End one machine and remove its disk: it is no longer the lab's."""
    known = state.read(paths)
    if known is None:
        return
    stuck = _end(paths, known, host)
    if stuck:
        raise MachineLacks(f"does not end: {', '.join(stuck)}", host=host)
    shutil.rmtree(paths.host_state(host), ignore_errors=True)
    record = state.without(known, host)
    state.write(paths, record)
    _write_config(paths, record)


def destroy(paths: LabPaths, *, check: bool) -> HostChange:
    """End the lab's machines, remove their disks, sockets and keys; name what would not go."""
    known = state.read(paths)
    if known is None:
        return HostChange({}, {})
    before = dict(known.hosts)
    actions = tuple(f"remove virtual machine {name}" for name in before)
    if check:
        return HostChange(before, {}, actions)
    stuck = link.close(paths, all_runs=True)
    for name in before:
        stuck += _end(paths, known, name)
    if not stuck:
        shutil.rmtree(paths.run, ignore_errors=True)
        for entry in set(paths.state.iterdir()) - {paths.runner, paths.state_file}:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        paths.state_file.unlink()
        remove_empty(paths.state, paths.state.parent, paths.run.parent)
    return HostChange(before, {}, actions, tuple(stuck))


def _end(paths: LabPaths, known: LabState, name: str) -> list[str]:
    """End a machine's process, and any other that a run which was killed started on its disk; name what stays."""
    process = known.process(name)
    pids = ([process.pid] if process else []) + guest.strays(_disk(paths, name))
    return [f"process {pid} (virtual machine {name})" for pid in dict.fromkeys(pids) if not guest.end(pid)]
