"""The swarm's ports, as data (Docker's documentation; tutorial, prerequisites of its third part)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MANAGEMENT = 2377
GOSSIP = 7946
DATA_PATH = 4789
"""VXLAN; ``docker swarm init --data-path-port`` moves it."""


@dataclass(frozen=True)
class Port:
    """A port that swarm hosts open to each other; ``managers``: only managers listen there."""

    number: int
    protocol: str
    managers: bool = False

    def __str__(self) -> str:
        """Return it as the field writes it: ``7946/udp``."""
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True)
class Opening:
    """What a host's firewall is to let in: the ports, from the swarm's other hosts (IPv4) and nobody else."""

    peers: Sequence[str]
    manager: bool
    data_path_port: int = DATA_PATH
    encrypted: bool = False
    """Whether IP protocol 50 (ESP) is opened too, for encrypted overlays."""

    def ports(self) -> list[Port]:
        """Return the ports that this host opens."""
        return [port for port in swarm_ports(self.data_path_port) if self.manager or not port.managers]


def swarm_ports(data_path_port: int = DATA_PATH) -> list[Port]:
    """Return all the swarm's ports."""
    return [
        Port(MANAGEMENT, "tcp", managers=True),
        Port(GOSSIP, "tcp"),
        Port(GOSSIP, "udp"),
        Port(data_path_port, "udp"),
    ]
