"""Form a swarm: initialise, join, leave, rotate its tokens, remove its ghosts, wait for its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import EngineAction, change_result, display

from lab.engine import departure, swarm
from lab.engine.change import Change
from lab.engine.client import Engine
from lab.errors import InvalidInput, LabError
from lab.firewall import knock
from lab.hosts import state
from lab.hosts.providers import provider_of


class ActionModule(EngineAction):
    """One step of a node's membership."""

    noun = "swarm"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Make the change that the state asks for; some are of the whole swarm rather than of one engine."""
        if arguments["state"] == "found":
            return {"changed": False, "manager": self._found(arguments["hosts"] or self.members)}
        if arguments["state"] == "dissolved":
            return {**change_result(self._dissolve(arguments)), "host": self.host}
        if arguments["state"] == "pruned":
            return {**change_result(self._prune(arguments)), "host": self.host}
        return super().perform(arguments)

    def change(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        """Make the change of one engine that the state asks for."""
        wanted = arguments["state"]
        if wanted == "initialised":
            return swarm.ensure_initialised(
                engine,
                lab=self.paths.name,
                advertise=arguments["advertise"],
                data_path=arguments["data_path"],
                data_path_port=arguments["data_path_port"],
                address_pools=arguments["address_pools"],
                foreign=arguments["foreign"],
                check=check,
            )
        if wanted == "joined":
            return self._join(engine, arguments, check=check)
        if wanted == "left":
            return swarm.ensure_left(engine, check=check)
        return self._change_in_swarm(engine, arguments, check=check)

    def _change_in_swarm(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        """Make a change of the swarm that the engine manages."""
        wanted = arguments["state"]
        if check and not swarm.membership(engine).manager:
            return Change({}, {})  # there is no swarm yet, so nothing to do in it
        if wanted == "rotated":
            return swarm.rotate_tokens(engine, check=check)
        if wanted == "labelled":
            return swarm.ensure_labelled(engine, arguments["labels"], check=check)
        return swarm.remove_ghosts(engine, arguments["hostnames"], check=check)

    def _found(self, hosts: Sequence[str]) -> str:
        """Return the first host whose engine manages the lab's swarm; none where there is no such swarm yet."""
        for host in hosts:
            try:
                if swarm.own_cluster(self.engine(host), self.paths.name):
                    return host
            except LabError as error:
                display.vv(f"{host} cannot tell: {error}")
        return ""

    def _dissolve(self, arguments: dict[str, Any]) -> Change:
        """Make all hosts leave; refuse where somebody's services or networks would go with the swarm."""
        hosts = arguments["hosts"] or self.members
        engines = {host: self.engine(host) for host in hosts}
        first = self._found(hosts)
        if not first:
            return Change({}, {})
        theirs = departure.strangers(engines[first], self.paths.name)
        if theirs and not arguments["force"]:
            raise InvalidInput(
                f"the swarm has what is not the lab's: {', '.join(theirs)}; nothing was changed",
                hint="remove it, or lab down --force",
            )
        if arguments["asking"]:
            return Change({}, {})
        cluster = swarm.membership(engines[first]).cluster_id
        own = {host: engine for host, engine in engines.items() if self._is_member(engine, cluster, engines[first])}
        managers = [first, *(host for host in hosts if host != first)]
        return departure.dissolve(own, managers, check=self.check_mode, deadline_s=arguments["deadline"])

    @staticmethod
    def _is_member(engine: Engine, cluster: str, manager: Engine) -> bool:
        member = swarm.membership(engine)
        if member.cluster_id:
            return member.cluster_id == cluster
        return bool(member.node_id) and swarm.knows(manager, member.node_id)

    def _prune(self, arguments: dict[str, Any]) -> Change:
        """Take the recorded hosts that the inventory has no longer out of the swarm, and out of the lab."""
        known = state.read(self.paths)
        gone = [host for host in (known.hosts if known else ()) if host not in self.members]
        if known is None or not gone:
            return Change({"nodes": []}, {"nodes": []})
        provider = provider_of(known)
        provider.reach(self.paths, gone)
        departed = {host: self._engine_if_any(host) for host in gone}
        change = departure.ensure_pruned(
            self.engine(), departed, check=self.check_mode, deadline_s=arguments["deadline"]
        )
        if not self.check_mode:
            for host in gone:
                provider.forget(self.paths, host)
        return change

    def _engine_if_any(self, host: str) -> Engine | None:
        try:
            return self.engine(host)
        except LabError as error:
            display.vv(f"{host}: {error}")
            return None

    def _join(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        remotes = [f"{address}:{swarm.PORT}" for address in arguments["remotes"]]
        try:
            return swarm.ensure_joined(
                engine,
                self._manager(arguments["manager"], check=check),
                advertise=arguments["advertise"],
                data_path=arguments["data_path"],
                remotes=remotes,
                role=arguments["role"],
                foreign=arguments["foreign"],
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
