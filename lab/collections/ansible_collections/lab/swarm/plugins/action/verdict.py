"""Fail where a claim has failed."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.claims import remembered
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.errors import ClaimFailed


class ActionModule(LabAction):
    """The end of a stage: everything was checked and cleaned up, now the run may fail."""

    noun = "verdict"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Look at what the play's hosts remember of failed claims."""
        broken = list(dict.fromkeys(arguments["broken"]))
        hostvars = self.variables["hostvars"]
        failed = [claim for host in self.variables["ansible_play_hosts_all"] for claim in remembered(hostvars[host])]
        unique = list(dict.fromkeys(failed))
        told = [f"{len(unique)} claim{'s' * (len(unique) > 1)} failed: {'; '.join(unique)}"] if unique else []
        told += [f"not walked to the end: {', '.join(broken)}"] if broken else []
        if told:
            raise ClaimFailed("; ".join(told))
        return {"changed": False}
