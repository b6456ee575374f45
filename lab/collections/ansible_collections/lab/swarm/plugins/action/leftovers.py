"""What a stage left in the engines: remove it, or see whether it has gone."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction, change_result

from lab.engine import leftovers


class ActionModule(LabAction):
    """Only what bears the labels of this lab and of the stage."""

    noun = "leftovers"
    changes = True

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Remove, or wait until there is nothing left to remove."""
        stage = "" if arguments["everything"] else arguments["stage"] or self.stage
        hosts = arguments["hosts"] or self.members
        engines = {host: self.engine(host) for host in hosts}
        manager = arguments["manager"] if arguments["everything"] else hosts[0]
        where = (engines, manager, self.paths.name, stage)
        if arguments["state"] == "absent":
            change = leftovers.ensure_absent(*where, check=self.check_mode, deadline_s=arguments["deadline"])
            return {**change_result(change), "host": self.host}
        deadline = 0 if self.check_mode else arguments["deadline"]
        left, waited = leftovers.wait_gone(*where, deadline_s=deadline)
        return {"changed": False, "host": self.host, "left": leftovers.words(left), "waited": waited}
