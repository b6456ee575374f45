"""Type lines at a container's terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils import wire
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import session


class ActionModule(LabAction):
    """Really attached: what is typed goes to the terminal of the container's first process."""

    noun = "container_session"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Type each line at the prompt and return what appeared; skipped in check mode."""
        name, detaches = arguments["name"], arguments["detach"]
        command = f"docker attach {name}"
        if self.check_mode:
            return {"changed": False, "skipped": True, "command": command, "typed": [], "output": ""}
        keys = ["ctrl-p ctrl-q"] if detaches else []
        self.announce("; ".join([command, *(f"/ # {line}" for line in arguments["lines"]), *keys]))
        (typed, detached), moved = wire.while_running(
            self.command,
            arguments["data_path_port"],
            arguments["peer"],
            lambda: session.converse(
                self.engine(), name, arguments["lines"], deadline_s=arguments["deadline"], detaches=detaches
            ),
        )
        output = "\n".join([*(f"/ # {line.line}\n{line.output}".rstrip() for line in typed), *keys])
        return {
            "changed": False,
            "command": command,
            "typed": [asdict(line) for line in typed],
            "detached": detached,
            "output": output,
            "wire": moved,
            "host": self.host,
        }
