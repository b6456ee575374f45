"""The list of ways to get hosts. A new one is a module like ``netns``, and a line here."""

from __future__ import annotations

from lab.hosts import netns, ssh, vm
from lab.hosts.base import Provider
from lab.hosts.state import LabState

EMBEDDED = "netns"
"""The provider of hosts that are made on this machine, where nothing else is said."""

PROVIDERS: dict[str, Provider] = {"netns": netns, "ssh": ssh, "vm": vm}

REMOTE = frozenset({"ssh", "vm"})
"""The providers whose hosts are reached by SSH; those of ``ssh`` are there before and after the lab."""


def provider_of(known: LabState) -> Provider:
    """Return the provider of a lab's recorded hosts."""
    return PROVIDERS[known.provider]
