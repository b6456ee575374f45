"""What a host image is made of: a Debian suite with a kernel, systemd, sshd, an engine, and the tools of a firewall."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import InvalidInput, MachineLacks
from lab.hosts.programs import attempt, which

SETUP = Path(__file__).with_name("image_setup.sh")
"""What is done to the root tree when its packages are installed; its text is part of each recipe's digest."""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Machine (uname -m) to Debian's name of its architecture."""

DISK = ("-t", "ext4", "-L", "root", "-O", "^has_journal", "-E", "lazy_itable_init=1")
"""mke2fs(8): every virtual machine has a layer of its own above the disk, and a lab is not to outlive a crash."""

DISK_SIZE_MIB = 6144
"""The size that a virtual machine sees; of it only what is written takes room on this machine."""

_BASE = ("systemd-sysv", "dbus", "openssh-server", "sudo", "iproute2", "iputils-ping", "ca-certificates")
_HOST = ("docker.io", "nftables", "iptables", "ufw", "firewalld", "procps", "tcpdump", "busybox-static")


@dataclass(frozen=True)
class Recipe:
    """A suite and the packages that are installed into it; ``bare`` ones have nothing that the lab would bring."""

    name: str
    suite: str
    packages: tuple[str, ...]
    bare: bool = False

    def all_packages(self, architecture: str) -> tuple[str, ...]:
        """Return the packages by name, with the kernel for that architecture (Debian's name of it)."""
        return (*_BASE, *self.packages, f"linux-image-cloud-{architecture}")

    def digest(self, architecture: str) -> str:
        """Return the first 12 hexadecimal digits of the hash of all that decides what is built."""
        decides = (self.suite, self.all_packages(architecture), DISK, DISK_SIZE_MIB, SETUP.read_text())
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:12]


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("bookworm", "bookworm", _HOST),
        Recipe("trixie", "trixie", (*_HOST, "docker-cli")),
        Recipe("bookworm-bare", "bookworm", (), bare=True),
    )
}
"""bookworm brings engine 20.10 and kernel 6.1, trixie engine 26.1 and kernel 6.12."""


def recipe(name: str) -> Recipe:
    """Return the recipe of that name; raises InvalidInput with those that there are."""
    if name not in RECIPES:
        raise InvalidInput(f"there is no host image '{name}'", hint=f"images: {', '.join(RECIPES)}")
    return RECIPES[name]


def architecture() -> str:
    """Return this machine's architecture by Debian's name; raises MachineLacks where no image is made for it."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise MachineLacks(f"no host images are made for {machine}", hint=f"only for {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[machine]


@dataclass(frozen=True)
class Source:
    """A place of Debian packages: address, and which archive (``Debian`` or ``Debian-Security``)."""

    address: str
    label: str


_FORMAT = "$(REPO_URI) $(CODENAME) $(LABEL) $(COMPONENT)"
_TARGET = re.compile(r"^(\S+) (\S+) (Debian|Debian-Security) main$", re.MULTILINE)


def sources(told: str) -> tuple[Source, ...]:
    """Return the places of Debian's own packages in what ``apt-get indextargets`` told with ``_FORMAT``, each once."""
    return tuple(dict.fromkeys(Source(address, label) for address, _, label in _TARGET.findall(told)))


def configured_sources() -> tuple[Source, ...]:
    """Return the places of Debian's packages that this machine's apt is configured with.

    Raises MachineLacks where there is no apt, or none of its sources is Debian's.
    """
    if which("apt-get") is None:
        raise MachineLacks("there is no apt on this machine, whose Debian sources host images are made from")
    told = attempt(["apt-get", "indextargets", "--format", _FORMAT, "Identifier: Packages"]).stdout
    found = sources(told)
    if not any(source.label == "Debian" for source in found):
        raise MachineLacks(
            "this machine's apt has no Debian source that it has read",
            hint="apt-get update; or lab image build NAME --source ADDRESS",
        )
    return found


def lines(suite: str, found: Sequence[Source]) -> list[str]:
    """Return the sources.list(5) of a suite, from the same places: with its updates and its security updates."""
    made = []
    for source in found:
        suites = [f"{suite}-security"] if source.label == "Debian-Security" else [suite, f"{suite}-updates"]
        made += [f"deb {source.address} {one} main" for one in suites]
    return made
