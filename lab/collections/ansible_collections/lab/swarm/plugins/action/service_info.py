"""Look at a service and its tasks, or wait until they are as they should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import service, tasks
from lab.engine.client import Engine


class ActionModule(LabAction):
    """A manager's view: specification, ports, virtual IPs, and each task with its node and container."""

    noun = "service_info"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Wait if asked to, and return what there is."""
        engine, name = self.engine(), arguments["name"]
        command = f"docker service {arguments['show']} {name}"
        self.announce(command)
        found = {"changed": False, "host": self.host, "command": command}
        if service.inspect(engine, name) is None:
            return {**found, **_nothing(name)}
        wait_for = "any" if self.check_mode else arguments["wait_for"]
        engines = {host: self.engine(host) for host in self.members} if wait_for == "converged" else {}
        now = _WAITS[wait_for](engine, name, arguments["deadline"], engines)
        inspected = service.inspect(engine, name)
        if inspected is None:
            return {**found, **_nothing(name)}
        seen = _seen(inspected, service.network_names(engine), now)
        return {**found, **seen, "output": _output(arguments["show"], name, seen)}


_WAITS: dict[str, Callable[[Engine, str, float, Mapping[str, Engine]], tasks.Convergence]] = {
    "any": lambda engine, name, _, __: tasks.look(engine, name),
    "converged": tasks.converge,
    "refused": lambda engine, name, deadline, _: tasks.wait_refused(engine, name, deadline),
}


def _nothing(name: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"service": {}, "publish": [], "virtual_addresses": {}, "tasks": [], "errors": []}
    return {
        **empty,
        "present": False,
        "wanted": 0,
        "standing": "no such service",
        "running": [],
        "by_node": {},
        "waited": 0.0,
        "output": f"no such service: {name}",
    }


def _seen(inspected: Mapping[str, Any], names: Mapping[str, str], now: tasks.Convergence) -> dict[str, Any]:
    return {
        "present": True,
        "service": service.summary(inspected, names),
        "publish": [str(port) for port in service.ports(inspected)],
        "virtual_addresses": service.virtual_addresses(inspected, names),
        "tasks": [asdict(task) for task in now.tasks],
        "running": [asdict(task) for task in now.running],
        "by_node": by_node(now.running),
        "wanted": now.wanted,
        "standing": str(now),
        "errors": list(now.errors),
        "waited": now.waited_s,
    }


def by_node(running: Sequence[tasks.Task]) -> dict[str, list[str]]:
    """Return the containers of tasks, in order, by the node on which they are."""
    nodes = sorted({task.node for task in running})
    return {node: sorted(task.container for task in running if task.node == node) for node in nodes}


def _output(show: str, name: str, seen: Mapping[str, Any]) -> str:
    if show == "ps":
        rows = [
            f"{t['id'][:12]}  {t['node']:<12}  {t['desired']:<9}  {t['state']}  {t['error']}" for t in seen["tasks"]
        ]
        return "\n".join(row.rstrip() for row in rows)
    lines = [f"{name}  {len(seen['running'])}/{seen['wanted']}"]
    lines += [f"port {port}" for port in seen["publish"]]
    lines += [f"virtual IP {ip} on {net}" for net, ip in seen["virtual_addresses"].items()]
    return "\n".join(lines)
