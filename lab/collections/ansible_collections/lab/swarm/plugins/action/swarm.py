"""Form a swarm: initialise, join, leave, rotate its tokens, remove its ghosts, wait for its nodes."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import EngineAction

from lab.engine import swarm
from lab.engine.change import Change
from lab.engine.client import Engine
from lab.errors import LabError
from lab.firewall import knock


class ActionModule(EngineAction):
    """One step of a node's membership."""

    noun = "swarm"

    def change(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        """Make the change that the state asks for."""
        state = arguments["state"]
        if state == "initialised":
            return swarm.ensure_initialised(
                engine,
                advertise=arguments["advertise"],
                data_path_port=arguments["data_path_port"],
                check=check,
            )
        if state == "joined":
            return self._join(engine, arguments, check=check)
        if state == "left":
            return swarm.ensure_left(engine, check=check)
        if state == "rotated":
            return swarm.rotate_tokens(engine, check=check)
        return swarm.remove_ghosts(engine, arguments["hostnames"], check=check)

    def _join(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        remotes = [f"{address}:{swarm.PORT}" for address in arguments["remotes"]]
        try:
            return swarm.ensure_joined(
                engine,
                self._manager(arguments["manager"], check=check),
                advertise=arguments["advertise"],
                remotes=remotes,
                role=arguments["role"],
                check=check,
            )
        except LabError as error:
            if not error.message.startswith("swarm join"):
                raise
            raise LabError(error.message, hint=self._why(arguments["remotes"])) from error

    def _manager(self, host: str, *, check: bool) -> Engine | None:
        """Return the manager's engine; in check mode None where it does not manage a swarm yet."""
        engine = self.engine(host)
        return None if check and not swarm.membership(engine).manager else engine

    def _why(self, remotes: list[str]) -> str:
        """Return which way to a manager is blocked, found by knocking at it from this host."""
        targets = [knock.Target(address, address, (f"{swarm.PORT}/tcp",)) for address in remotes]
        _, output, _ = self.command(knock.script(targets, 2))
        closed = [
            f"{port} of {address}"
            for address, ports in knock.parse(output).items()
            for port, is_open in ports.items()
            if not is_open
        ]
        if closed:
            return f"from here {', '.join(closed)} does not answer: the port is closed there, or the address is wrong"
        return f"the way to {swarm.PORT}/tcp is open; see the engine's log on this host"
