"""Knock at the swarm's ports of other hosts, from a host or from outside the swarm."""

from __future__ import annotations

import socket
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab import sampling
from lab.firewall import knock
from lab.firewall.ports import swarm_ports
from lab.hosts.providers import PROVIDERS


class ActionModule(LabAction):
    """One shell script a host: a connection to each tcp port, a datagram to each udp port."""

    noun = "port_probe"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Knock, and return which tcp ports are open; what udp ports let in, the other side's counts tell."""
        addresses: dict[str, str] = arguments["addresses"]
        names = list(addresses)
        if not arguments["outsider"]:
            names = sampling.peers(self.host, names, arguments["full_up_to"])
        ports = swarm_ports(arguments["data_path_port"])
        managers = arguments["managers"]
        targets = [
            knock.Target(name, addresses[name], [str(port) for port in ports if name in managers or not port.managers])
            for name in names
        ]
        script = knock.script(targets, arguments["timeout"], refusals=arguments["unheard"])
        if arguments["outsider"]:
            output = PROVIDERS[arguments["provider"]].from_outside(self.paths, script)
        else:
            _, output, _ = self.command(script)
        source = "outsider" if arguments["outsider"] else self.host
        heard = {"open", "refused"} if arguments["unheard"] else {"open"}
        told = [
            (f"{source} to {name} {port}", answer)
            for name, found in knock.answers(output).items()
            for port, answer in found.items()
        ]
        return {
            "changed": False,
            "host": self.host,
            "inside": [name for name, address in addresses.items() if arguments["outsider"] and _is_own(address)],
            "open": sorted(way for way, answer in told if answer in heard),
            "closed": sorted(way for way, answer in told if answer not in {*heard, "silent"}),
            "silent": sorted(way for way, answer in told if answer == "silent"),
        }


def _is_own(address: str) -> bool:
    """Tell whether an address is this machine's: only to such a one can a socket be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        try:
            own.bind((address, 0))
        except OSError:
            return False
        return True
