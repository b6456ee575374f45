"""Start a host's engine, or tell what it is."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import daemon
from lab.engine.client import answers, wait_until_up
from lab.errors import HostUnreachable, MachineLacks


class ActionModule(LabAction):
    """An engine that answers is left as it is."""

    noun = "docker_engine"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Start the daemon where none answers, wait until it does, and return its facts."""
        socket = self.paths.engine_socket(self.host)
        running = answers(socket)
        if not running and arguments["state"] == "started":
            if self.check_mode:
                return {"changed": True, "engine": {}, "actions": ["start the engine"]}
            self._start(arguments["config"], arguments["deadline"])
        return {"changed": not running, "engine": asdict(daemon.facts(self.engine())), "host": self.host}

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
