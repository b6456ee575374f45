"""Reading a host's firewall over its connection."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from lab.errors import LabError, MachineLacks
from lab.firewall import nftables

Command = Callable[[str], tuple[int, str, str]]


def run(command: Command, argv: Sequence[str], text: str = "") -> str:
    """Run a firewall command on the host; return its output, raise LabError with its words where it fails."""
    script = f"PATH=$PATH:/usr/sbin:/sbin {shlex.join(argv)}"
    if text:
        script += f" <<'RULES'\n{text}RULES\n"
    status, output, errors = command(script)
    if status == 127:
        raise MachineLacks("nft is not installed", hint="install the package nftables")
    if status != 0:
        raise LabError(f"{shlex.join(argv)}: {errors.strip()}")
    return output


def listing(command: Command) -> tuple[nftables.Place | None, str]:
    """Return the host's dropping input chain and its table as it stands; (None, "") where nothing drops."""
    found = nftables.places(run(command, nftables.LIST_CHAINS))
    if not found:
        return None, ""
    place = nftables.require_place(found)
    family_table = nftables.list_table(place)
    return place, run(command, [*family_table[:1], "-a", *family_table[1:]])
