"""Make sure that a network is there, or is not."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import EngineAction

from lab.engine import network
from lab.engine.change import Change
from lab.engine.client import Engine


class ActionModule(EngineAction):
    """A network of this lab in one engine."""

    noun = "network"

    def change(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        """Create or remove."""
        name, lab = arguments["name"], self.paths.name
        if arguments["state"] == "absent":
            return network.ensure_absent(engine, name, lab, check=check, deadline_s=arguments["deadline"])
        spec = network.NetworkSpec(
            name=name,
            lab=lab,
            driver=arguments["driver"],
            attachable=arguments["attachable"],
            encrypted=arguments["encrypted"],
            subnet=arguments["subnet"],
            options=arguments["options"],
            stage=self.stage,
        )
        return network.ensure(engine, spec, check=check)
