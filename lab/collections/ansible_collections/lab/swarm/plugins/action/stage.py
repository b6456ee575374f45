"""Choose the stages to walk through."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.project import project
from lab.stages import chosen, require_one_to_keep


class ActionModule(LabAction):
    """The names of stages, each known, in the order in which they are to run."""

    noun = "stage"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the names; raises InvalidInput on one that is no stage."""
        found = chosen(project(), arguments["names"])
        if arguments["keep"]:
            require_one_to_keep(found)
        return {"changed": False, "names": [stage.name for stage in found]}
