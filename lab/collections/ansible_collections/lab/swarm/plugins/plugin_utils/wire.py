"""Counting the overlay's packets on the wire between a host and its peers, while something runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ansible_collections.lab.swarm.plugins.plugin_utils import firewall

from lab.firewall import nftables

Result = TypeVar("Result")
Counts = Mapping[str, Mapping[str, int]]


@dataclass
class Wire:
    """Counts of the host's own firewall before and after; without such a firewall there are none."""

    command: firewall.Command
    port: int
    before: Counts = field(default_factory=dict)
    after: Counts = field(default_factory=dict)
    found: firewall.Firewall = firewall.NOBODY

    def __enter__(self) -> Wire:
        """Count for the first time."""
        self.found = firewall.read(self.command, for_counts=True)
        self.before = self.found.tool.counts(self.found.listing) if self.found.tool else {}
        return self

    def __exit__(self, *_: object) -> None:
        """Count again."""
        self.after = firewall.counts(self.command, self.found)

    @property
    def counted(self) -> bool:
        """Whether the host counts at all."""
        return bool(self.after)

    def moved(self, address: str) -> dict[str, int]:
        """Return the VXLAN packets that left for a peer's address and that came from it meanwhile."""
        names = {"vxlan_out": nftables.out_set_name(self.port), "vxlan_in": f"swarm_{self.port}_udp"}
        return {key: _grown(self.before, self.after, name, address) for key, name in names.items()}


def _grown(before: Counts, after: Counts, name: str, address: str) -> int:
    return after.get(name, {}).get(address, 0) - before.get(name, {}).get(address, 0)


def while_running(
    command: firewall.Command, port: int, peer: str, run: Callable[[], Result]
) -> tuple[Result, dict[str, int | bool]]:
    """Run something; return what it gives, and the VXLAN packets to and from a peer meanwhile, if one is named."""
    if not peer:
        return run(), {}
    with Wire(command, port) as wire:
        result = run()
    return result, {"counted": wire.counted, **wire.moved(peer)}
