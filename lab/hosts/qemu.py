"""Virtual machines by QEMU: whether this machine's KVM can run them, and the command line of one."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import MachineLacks
from lab.hosts.images import Image
from lab.hosts.programs import search_path, which
from lab.hosts.recipes import ARCHITECTURES
from lab.hosts.seed import OUTER_ADDRESS, OUTER_NETWORK

KVM = Path("/dev/kvm")
TRIAL_S = 15.0
"""Seconds that a kernel has, run by KVM, to find that it has no disk: a second does where KVM works."""


TRANSLATED_MIB = 512
"""Memory for translated code where a machine is emulated; QEMU's own choice is a gigabyte."""

OVERHEAD_MIB = TRANSLATED_MIB + 64
"""What a machine takes besides its own memory, at most."""


@dataclass(frozen=True)
class System:
    """What emulates an architecture: the program, its Debian package, the machine, and a processor for emulation.

    The processor is one of the first with what Debian's kernel needs: each newer one has more to emulate.
    """

    program: str
    package: str
    machine: str
    processor: str
    console: str


SYSTEMS = {"amd64": System("qemu-system-x86_64", "qemu-system-x86", "q35", "Nehalem", "ttyS0")}
"""Debian's name of the architecture of an image, to what runs it."""


@dataclass(frozen=True)
class Acceleration:
    """How a machine's processor is run: ``kvm`` or ``tcg`` (emulation), and why not by KVM."""

    name: str
    reason: str = ""

    @property
    def factor(self) -> int:
        """How many times as long something may take as where KVM runs it."""
        return 1 if self.name == "kvm" else 10

    def __str__(self) -> str:
        """Return it for a person."""
        return "run by KVM" if self.name == "kvm" else f"emulated, which is about ten times slower: {self.reason}"


def system(architecture: str) -> System:
    """Return what runs images of an architecture; raises MachineLacks where nothing does, or it is not installed."""
    found = SYSTEMS.get(architecture)
    if found is None:
        raise MachineLacks(
            f"no virtual machines for {architecture} ({platform.machine()})",
            hint=f"images of {', '.join(SYSTEMS)} have them; lab up makes embedded hosts here",
        )
    missing = {program: package for program, package in _programs(found) if which(program) is None}
    if missing:
        raise MachineLacks(
            f"missing on this machine: {', '.join(missing)}",
            hint=f"apt-get install {' '.join(dict.fromkeys(missing.values()))}",
        )
    return found


def _programs(found: System) -> Sequence[tuple[str, str]]:
    return (
        (found.program, found.package),
        ("qemu-img", "qemu-utils"),
        ("ssh", "openssh-client"),
        ("ssh-keygen", "openssh-client"),
    )


def acceleration(image: Image, device: Path = KVM) -> Acceleration:
    """Return how machines of an image run here.

    KVM is tried with the image's own kernel: that the device is there says little.
    """
    if ARCHITECTURES.get(platform.machine()) != image.architecture:
        return Acceleration("tcg", f"the image is for {image.architecture}, this machine is {platform.machine()}")
    if not device.exists():
        return Acceleration("tcg", f"there is no {device}")
    if not os.access(device, os.R_OK | os.W_OK):
        return Acceleration("tcg", f"{device} is not open to this user (usermod -aG kvm, then log in again)")
    return _tried(image)


def _tried(image: Image) -> Acceleration:
    found = SYSTEMS[image.architecture]
    command = [
        found.program,
        *("-machine", f"{found.machine},accel=kvm", "-cpu", "host", "-m", "256", "-nodefaults", "-no-user-config"),
        *("-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", str(image.linux)),
        *("-append", f"console={found.console} panic=-1"),
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=TRIAL_S,
            env={"PATH": search_path(), "LANG": "C"},
        )
    except subprocess.TimeoutExpired:
        return Acceleration("tcg", f"{KVM} is there, but its machine did nothing for {TRIAL_S:.0f} s")
    if done.returncode == 0 and b"Kernel panic" in done.stdout:  # it ran, up to the disk that it was not given
        return Acceleration("kvm")
    words = done.stderr.decode(errors="replace").strip().splitlines()
    return Acceleration("tcg", f"{KVM} is there, but cannot run a machine: {words[-1] if words else done.returncode}")


@dataclass(frozen=True)
class Wire:
    """The segment between a lab's machines: frames as multicast datagrams that do not leave the loopback interface."""

    group: str
    port: int

    @classmethod
    def of(cls, owner: str) -> Wire:
        """Return the wire of one owner: another for each (RFC 2365's range for one's own use)."""
        digest = hashlib.sha256(owner.encode()).digest()
        return cls(
            f"239.{192 + digest[0] % 63}.{digest[1]}.{1 + digest[2] % 254}", 20000 + int.from_bytes(digest[3:5]) % 40000
        )


@dataclass(frozen=True)
class Machine:
    """One virtual machine. Memory is in MiB; ``port`` is that of its SSH on this machine's loopback interface."""

    name: str
    image: Image
    disk: Path
    seed: Path
    console: Path
    identity: str
    port: int
    wire: Wire
    outer: str
    inner: str
    """Hardware addresses of the interface with the SSH forward, and of that on the segment."""
    processors: int
    memory_mib: int


def command(machine: Machine, how: Acceleration) -> list[str]:
    """Return the command line of a machine. Its kernel is started directly: its disk it knows without modules."""
    found = SYSTEMS[machine.image.architecture]
    accelerator = "kvm" if how.name == "kvm" else f"tcg,thread=multi,tb-size={TRANSLATED_MIB}"
    kernel = (
        f"console={found.console} root=/dev/nvme0n1 rootfstype=ext4 rw fsck.mode=skip quiet panic=10 "
        "mitigations=off systemd.show_status=error apparmor=0 audit=0 nowatchdog "
        f"systemd.machine_id={machine.identity} systemd.hostname={machine.name}"
    )
    forward = f"net={OUTER_NETWORK},hostfwd=tcp:127.0.0.1:{machine.port}-{OUTER_ADDRESS}:22"
    wire = f"mcast={machine.wire.group}:{machine.wire.port},localaddr=127.0.0.1"
    return [
        found.program,
        *("-name", machine.name, "-machine", found.machine, "-accel", accelerator),
        *("-cpu", "host" if how.name == "kvm" else found.processor),
        *("-smp", str(machine.processors), "-m", str(machine.memory_mib)),
        *("-nodefaults", "-no-user-config", "-display", "none", "-serial", f"file:{machine.console}"),
        *("-kernel", str(machine.image.linux), "-append", kernel),
        # The only disk: the kernel finds two of them in either order.
        *("-drive", f"if=none,id=root,file={escaped(machine.disk)},format=qcow2,cache=unsafe,discard=unmap"),
        *("-device", "nvme,drive=root,serial=root"),
        *("-fw_cfg", f"name=opt/swarm-lab/seed,file={escaped(machine.seed)}"),
        *("-netdev", f"user,id=outer,restrict=on,{forward}"),
        *("-device", f"virtio-net-pci,netdev=outer,mac={machine.outer},romfile="),
        *("-netdev", f"socket,id=inner,{wire}"),
        *("-device", f"virtio-net-pci,netdev=inner,mac={machine.inner},romfile="),
        *("-device", "virtio-rng-pci"),
    ]


def escaped(path: Path) -> str:
    """Return a path as QEMU's options have it: a comma doubled."""
    return str(path).replace(",", ",,")
