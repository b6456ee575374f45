"""Run a command in a running container."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import container
from lab.polling import until


class ActionModule(LabAction):
    """The command's own exit status is a result, not an error: a claim may expect it to fail."""

    noun = "container_exec"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Run the command; skipped in check mode, since nobody knows what it changes."""
        command = container.exec_command_line(arguments["name"], arguments["command"])
        if self.check_mode:
            return {"changed": False, "skipped": True, "command": command, "status": 0, "output": ""}
        self.announce(command)
        engine = self.engine()
        done, waited = until(
            lambda: container.execute(engine, arguments["name"], arguments["command"]),
            lambda done: arguments["wait_for_status"] in (None, done.status),
            deadline_s=arguments["deadline"],
            every_s=0.1,
        )
        return {
            "changed": False,
            "command": command,
            "status": done.status,
            "output": done.text,
            "waited": waited,
            "host": self.host,
        }
