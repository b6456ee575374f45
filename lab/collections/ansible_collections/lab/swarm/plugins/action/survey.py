"""Look at a host before anything is changed on it."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.lab.swarm.plugins.plugin_utils import ssh
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import daemon, swarm
from lab.errors import LabError
from lab.hosts import link, survey
from lab.hosts.survey import Survey


class ActionModule(LabAction):
    """What the host tells of itself, and what its engine does; trouble is told too, for all hosts at once."""

    noun = "survey"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Connect, ask, and link the engine where there is one; a host that cannot be asked has a problem."""
        del arguments
        result: dict[str, Any] = {
            "changed": False,
            "host": self.host,
            "problem": "",
            "engine": {},
            "lab_linked": self.paths.name,
        }
        try:
            seen = self._look()
        except AnsibleConnectionFailure as error:
            return {**result, "problem": str(link.explained(str(error)))}
        except LabError as error:
            return {**result, "problem": str(error)}
        way = ssh.route(self._connection, dial=seen.socket == "denied")
        result = {**result, "survey": survey.to_json(seen), "route": asdict(way), "password": self._has_password()}
        if seen.socket == "absent" or (way.dial and not self._may_be_root(seen)):
            return result
        try:
            ssh.bring(self.paths, self.host, self._connection, way)
            return {**result, "engine": self._engine()}
        except LabError as error:
            return {**result, "engine_problem": error.message}

    def _look(self) -> Survey:
        before = time.time()
        status, output, errors = self._connection.exec_command(
            f"/bin/sh -c {shlex.quote(survey.SCRIPT)}", sudoable=False
        )
        after = time.time()
        if status == 255:
            raise link.explained(errors.decode(errors="replace"))
        text = output.decode(errors="replace")
        seen = survey.parse(self.host, text, "", before, after)
        if not self._may_be_root(seen):
            return seen
        try:
            _, told, _ = self.command(survey.ROOT_SCRIPT)
        except AnsibleError as error:
            raise LabError(
                f"cannot become root: {error}", hint="ansible_become_password, ansible_become_user"
            ) from error
        return survey.parse(self.host, text, told, before, after)

    def _may_be_root(self, seen: Survey) -> bool:
        """Tell whether what needs root can be asked without anybody typing a password."""
        if self._connection.become is None:
            return seen.uid == 0
        return seen.sudo != "password" or self._has_password()

    def _has_password(self) -> bool:
        return bool(ssh.sudo_password(self._connection))

    def _engine(self) -> dict[str, Any]:
        engine = self.engine()
        return {**asdict(daemon.facts(engine)), "own_cluster": swarm.own_cluster(engine, self.paths.name)}
