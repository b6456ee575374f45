"""Count the connections that a service's tasks have accepted, on each host."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction
from ansible_collections.lab.swarm.plugins.plugin_utils.looking import side_by_side

from lab.engine import tasks


class ActionModule(LabAction):
    """Each container's own counter; with an earlier look, what came in between."""

    noun = "service_connections"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Count."""
        name, since = arguments["name"], arguments["since"]
        if self.check_mode:
            return {"changed": False, "skipped": True, "counts": {}, "new": {}, "answered": {}}
        counts = side_by_side(arguments["hosts"], lambda host: tasks.accepted(self.engine(host), name))
        new = {
            host: sum(count - since.get(host, {}).get(one, 0) for one, count in found.items())
            for host, found in counts.items()
        }
        answering = sum(
            count > since.get(host, {}).get(one, 0) for host, found in counts.items() for one, count in found.items()
        )
        answers = {"answering": answering, "answered": {host: count > 0 for host, count in new.items()}}
        return {"changed": False, "host": self.host, "counts": counts, "new": new, **answers}
