"""Make sure that a standalone container runs, has stopped, or is gone."""

from __future__ import annotations

from functools import partial
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import EngineAction

from lab.engine import container
from lab.engine.change import Change
from lab.engine.client import Engine
from lab.errors import InvalidInput
from lab.hosts import lock


class ActionModule(EngineAction):
    """A container of this lab in one engine."""

    noun = "container"

    def hosts(self, arguments: dict[str, Any]) -> list[str]:
        """Return the hosts that the task names."""
        return list(arguments["hosts"])

    def change(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        """Run, stop or remove."""
        name, lab = arguments["name"], self.paths.name
        if arguments["state"] == "absent":
            return container.ensure_absent(engine, name, lab, check=check)
        if arguments["state"] == "stopped":
            return container.ensure_stopped(engine, name, lab, check=check, timeout_s=arguments["stop_timeout"])
        if not arguments["image"]:
            raise InvalidInput(f"container '{name}' needs an image to run")
        spec, turn = container_spec(arguments, lab, self.stage), partial(lock.turn, self.paths)
        return container.ensure_running(engine, spec, check=check, turn=turn)


def container_spec(arguments: dict[str, Any], lab: str, stage: str) -> container.ContainerSpec:
    """Return the container that the arguments describe."""
    return container.ContainerSpec(
        name=arguments["name"],
        lab=lab,
        image=arguments["image"],
        network=arguments["network"],
        command=tuple(arguments["command"]),
        interactive=arguments["interactive"],
        tty=arguments["tty"],
        detach=arguments["detach"],
        hostname=arguments["hostname"],
        stage=stage,
        restart=arguments["restart"],
    )
