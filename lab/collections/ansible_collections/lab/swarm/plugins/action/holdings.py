"""What a host's engine has that is not the lab's."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import holdings


class ActionModule(LabAction):
    """One engine, by kind."""

    noun = "holdings"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return them."""
        del arguments
        return {"changed": False, "host": self.host, "holdings": holdings.of_others(self.engine(), self.paths.name)}
