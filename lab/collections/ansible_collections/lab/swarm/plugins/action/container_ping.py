"""Ping names or addresses from inside a container, all at once."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import container, cross_host_ping


class ActionModule(LabAction):
    """The same pings as those of the matrix between hosts."""

    noun = "container_ping"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Ping until every target answered without loss, or the deadline has passed; skipped in check mode."""
        source, targets = arguments["name"], arguments["targets"]
        ping = ["ping", "-c", str(cross_host_ping.COUNT)]
        command = "; ".join(container.exec_command_line(source, [*ping, target]) for target in targets)
        if self.check_mode or not targets:
            return {"changed": False, "skipped": True, "command": command, "answered": [], "waited": 0.0}
        self.announce(command)
        found, waited = cross_host_ping.ping(self.engine(), source, targets, arguments["deadline"])
        return {
            "changed": False,
            "host": self.host,
            "answered": [outcome.target for outcome in found if outcome.passed],
            "waited": waited,
            "command": command,
            "output": "\n".join(
                f"{outcome.target}: {outcome.received} of {outcome.sent} packets, {outcome.rtt_ms:.3f} ms"
                for outcome in found
            ),
        }
