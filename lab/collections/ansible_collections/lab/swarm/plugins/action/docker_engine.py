"""Start a host's engine, installing it where that is allowed, or tell what it is."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils import ssh
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import daemon, install
from lab.engine.client import answers, wait_until_up
from lab.errors import HostUnreachable, MachineLacks
from lab.hosts import link, state


class ActionModule(LabAction):
    """An engine that answers is left as it is."""

    noun = "docker_engine"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Start the daemon where none answers, wait until it does, and return its facts."""
        link.revive(self.paths, self.host)
        running = answers(self.paths.engine_socket(self.host))
        remote = ssh.is_remote(self._connection)
        actions = [] if running else ["start the engine"]
        if not running and arguments["state"] == "started":
            if self.check_mode:
                return {"changed": True, "engine": {}, "actions": actions}
            if remote:
                actions = self._start_there(arguments)
            else:
                self._start(arguments["config"], arguments["deadline"])
        facts = daemon.facts(self.engine())
        found = f"{self.host}: engine {facts.version}, storage {facts.storage_driver}, kernel {facts.kernel}"
        return {
            "changed": not running,
            "engine": asdict(facts),
            "host": self.host,
            "actions": actions,
            "output": found,
            "lab_linked": self.paths.name if remote else "",
        }

    def _start_there(self, arguments: dict[str, Any]) -> list[str]:
        """Install the distribution's engine where there is none and the inventory allows it; start it; link it."""
        deadline = arguments["deadline"]
        actions = ["start the engine"]
        status, output, errors = self.command(install.present_script())
        if status != 0 and not arguments["install"]:
            raise MachineLacks("there is no engine on it", hint="docker_engine_install: true lets the lab install it")
        if status != 0:
            status, output, errors = self.command(install.install_script())
            if status != 0:
                raise MachineLacks(f"the engine could not be installed: {_last(output + errors)}")
            actions = ["install the distribution's engine", *actions]
        status, output, errors = self.command(install.start_script(deadline))
        if status != 0:
            raise HostUnreachable(f"the engine did not start: {_last(output + errors)}")
        self._connection.reset()  # a user who has just come into the group docker is in it from the next login on
        status, _, _ = self._connection.exec_command(f"[ -w {link.ENGINE_SOCKET} ]", sudoable=False)
        way = ssh.route(self._connection, dial=status != 0)
        wait_until_up(ssh.bring(self.paths, self.host, self._connection, way), deadline)
        state.remember_route(self.paths, self.host, way)
        return actions

    def _start(self, config: dict[str, Any], deadline: int) -> None:
        status, output, errors = self.command(daemon.start_script(config, deadline))
        if status == 127:
            raise MachineLacks("dockerd is not installed", hint="./labctl up installs docker.io")
        if status != 0:
            raise HostUnreachable(f"the engine did not start: {_last(output + errors)}", hint=f"log: {daemon.LOG}")
        try:
            wait_until_up(self.paths.engine_socket(self.host), deadline)
        except HostUnreachable as error:
            _, log, _ = self.command(daemon.log_script())
            raise HostUnreachable(f"the engine started and does not answer: {_last(log)}") from error


def _last(log: str) -> str:
    """Return the last lines of a log in one, the messages of dockerd's own format without their frame."""
    lines = []
    for line in log.strip().splitlines():
        message = line.partition("msg=")[2]
        lines.append(json.JSONDecoder().raw_decode(message)[0] if message.startswith('"') else line)
    return "; ".join(lines) or "its log is empty"
