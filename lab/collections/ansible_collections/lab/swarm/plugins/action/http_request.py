"""Ask for a page from a host, at a port of several hosts."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.hosts import http_request
from lab.polling import until


class ActionModule(LabAction):
    """Over the host's connection: the request comes from the host itself."""

    noun = "http_request"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Ask, until everyone has answered or the deadline has passed."""
        addresses, port, count = arguments["addresses"], arguments["port"], arguments["count"]
        command = "; ".join(f"curl http://{address}:{port}/" for address in addresses.values())
        if self.check_mode:
            return {"changed": False, "skipped": True, "command": command, "answers": {}, "waited": 0.0}
        self.announce(command)
        script = http_request.script(addresses, port, count, arguments["timeout"])

        def silent(answers: dict[str, list[str]]) -> list[str]:
            return sorted(name for name in addresses if answers.get(name) != ["200"] * count)

        answers, waited = until(
            lambda: http_request.parse(self.command(script)[1]),
            lambda answers: not silent(answers),
            deadline_s=arguments["deadline"],
            every_s=0.1,
        )
        return {
            "changed": False,
            "host": self.host,
            "answers": answers,
            "silent": silent(answers),
            "waited": waited,
            "command": command,
            "output": "\n".join(f"{name}: {' '.join(found)}" for name, found in answers.items()),
        }
