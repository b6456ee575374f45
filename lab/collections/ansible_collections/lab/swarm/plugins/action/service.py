"""Make sure that a service is there as described, or is gone."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import EngineAction

from lab.engine import service, tasks
from lab.engine.change import Change
from lab.engine.client import Engine
from lab.errors import ClaimFailed, InvalidInput


class ActionModule(EngineAction):
    """A service of this lab in one swarm; asked of a manager."""

    noun = "service"

    def change(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        """Create, update or remove; then wait for its tasks, unless told not to."""
        name, lab = arguments["name"], self.paths.name
        if arguments["state"] == "absent":
            return service.ensure_absent(engine, name, lab, check=check)
        if not arguments["image"]:
            raise InvalidInput(f"service '{name}' needs an image")
        change = service.ensure(engine, self._spec(arguments), check=check)
        if arguments["converge"] and not check:
            self._converge(engine, name, arguments["deadline"])
        return change

    def _spec(self, arguments: dict[str, Any]) -> service.ServiceSpec:
        published = [service.Published(**port) for port in arguments["publish"]]
        return service.ServiceSpec(
            name=arguments["name"],
            lab=self.paths.name,
            image=arguments["image"],
            command=tuple(arguments["command"]),
            replicas=None if arguments["mode"] == "global" else arguments["replicas"],
            networks=tuple(arguments["networks"]),
            publish=tuple(published),
            endpoint_mode=arguments["endpoint_mode"],
            update_parallelism=arguments["update_parallelism"],
            update_order=arguments["update_order"],
            stage=self.stage,
        )

    def _converge(self, engine: Engine, name: str, deadline: int) -> None:
        engines = {host: self.engine(host) for host in self.members}
        now = tasks.converge(engine, name, deadline, engines)
        if not now.settled:
            raise ClaimFailed(
                f"service {name}: after {deadline} s tasks run: {now}",
                hint=f"docker service ps --no-trunc {name}",
            )
