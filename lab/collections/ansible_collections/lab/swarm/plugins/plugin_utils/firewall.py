"""A host's firewall over its connection: which tool manages it, what stands, and a script that changes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.errors import LabError
from lab.firewall import tools
from lab.firewall.tools import Tool

Command = Callable[[str], tuple[int, str, str]]


@dataclass(frozen=True)
class Firewall:
    """The active tool of a host, where it acts, and what it listed; no tool where nobody drops."""

    name: str
    tool: Tool | None
    place: str
    listing: str = ""


NOBODY = Firewall(tools.NONE, None, "")


def run(command: Command, script: str) -> str:
    """Run a script on the host; return its output, raise LabError with its words where it fails."""
    status, output, errors = command(f"PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\n{script}")
    if status != 0:
        raise LabError(f"the firewall refused: {(errors or output).strip()}")
    return output


def read(command: Command, named: str = "", own: str = "", *, held: bool = False, for_counts: bool = False) -> Firewall:
    """Return a host's firewall as it stands; ``named`` is the tool that the inventory names, ``held``: see detect.

    With ``for_counts`` a tool that counts nothing lists nothing: firewalld takes a third of a second a question.
    """
    name, tool, place = tools.detect(run(command, tools.DETECTION), named, held=held)
    asked = name in tools.COUNTING or not for_counts
    return Firewall(name, tool, place, run(command, tool.listing_script(own)) if tool and asked else "")


def counts(command: Command, found: Firewall) -> dict[str, dict[str, int]]:
    """Return what a host's firewall has counted by now, for each peer; nothing where it counts nothing."""
    if found.tool is None or found.name not in tools.COUNTING:
        return {}
    return found.tool.counts(run(command, found.tool.listing_script("")))
