"""Look at a container, or wait until it has a state."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import container


class ActionModule(LabAction):
    """State C(absent) where there is no such container."""

    noun = "container_info"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return state and addresses, with the seconds waited for C(wait_for)."""
        engine, name = self.engine(), arguments["name"]
        wanted = "" if self.check_mode else arguments["wait_for"]
        start = time.monotonic()
        while True:
            seen = container.summary(container.inspect(engine, name))
            state = seen.get("state", "absent")
            waited = time.monotonic() - start
            if wanted in ("", state) or waited > arguments["deadline"]:
                break
            time.sleep(0.02)
        return {
            "changed": False,
            "host": self.host,
            "state": state,
            "networks": seen.get("networks", {}),
            "waited": waited,
            "command": f"docker container inspect {name}",
            "output": f"{name} {state}",
        }
