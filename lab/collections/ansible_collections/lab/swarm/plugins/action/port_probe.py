"""Knock at the swarm's ports of other hosts, from a host or from outside the swarm."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.firewall import knock
from lab.hosts.providers import PROVIDERS


class ActionModule(LabAction):
    """One shell script a host: a connection to each tcp port, a datagram to each udp port."""

    noun = "port_probe"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Knock, and return what each tcp port answered; what udp ports let in, the other side's counts tell."""
        targets = [knock.Target(**target) for target in arguments["targets"]]
        script = knock.script(targets, arguments["timeout"])
        if arguments["outsider"]:
            output = PROVIDERS[arguments["provider"]].from_outside(self.paths, script)
        else:
            _, output, _ = self.command(script)
        return {"changed": False, "host": self.host, "answers": knock.parse(output)}
