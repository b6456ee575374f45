"""Run a container that is not detached until it ends."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils import wire
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import container


class ActionModule(LabAction):
    """The container leaves with its output and its exit status; the engine removes it if asked to."""

    noun = "container_run"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Run to the end."""
        spec = container.ContainerSpec(
            name=arguments["name"],
            lab=self.paths.name,
            image=arguments["image"],
            network=arguments["network"],
            command=tuple(arguments["command"]),
            tty=arguments["tty"],
            detach=False,
            remove=arguments["remove"],
            stage=self.stage,
        )
        command = spec.command_line()
        if self.check_mode:
            return {"changed": True, "command": command, "status": 0, "output": "", "host": self.host}
        self.announce(command)
        ended, moved = wire.while_running(
            self.command,
            arguments["data_path_port"],
            arguments["peer"],
            lambda: container.run_to_end(self.engine(), spec, deadline_s=arguments["deadline"]),
        )
        return {
            "changed": True,
            "command": command,
            "status": ended.status,
            "output": ended.text.replace("\r", ""),
            "wire": moved,
            "host": self.host,
        }
