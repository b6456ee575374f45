"""Look at a container, or wait until it has a state."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import container
from lab.polling import until


class ActionModule(LabAction):
    """State C(absent) where there is no such container."""

    noun = "container_info"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return state and addresses, with the seconds waited for C(wait_for)."""
        engine, name = self.engine(), arguments["name"]
        wanted = "" if self.check_mode else arguments["wait_for"]
        seen, waited = until(
            lambda: container.summary(container.inspect(engine, name)),
            lambda seen: wanted in ("", seen.get("state", "absent")),
            deadline_s=arguments["deadline"],
            every_s=0.02,
        )
        state = seen.get("state", "absent")
        return {
            "changed": False,
            "host": self.host,
            "state": state,
            "networks": seen.get("networks", {}),
            "waited": waited,
            "command": f"docker container inspect {name}",
            "output": f"{name} {state}",
        }
