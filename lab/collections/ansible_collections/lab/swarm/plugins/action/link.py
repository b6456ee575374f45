"""Bring the socket of a host's engine to this machine, for as long as the playbook runs."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.lab.swarm.plugins.plugin_utils import ssh
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.hosts import link, state


class ActionModule(LabAction):
    """One host that is reached by SSH; the others' sockets are on this machine anyway."""

    noun = "link"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Connect, and forward; the way to the socket is the one that the last ``up`` found."""
        del arguments
        if not ssh.is_remote(self._connection):
            return {"changed": False, "host": self.host}
        try:
            self._connection.exec_command("true", sudoable=False)
        except AnsibleConnectionFailure as error:
            raise link.explained(str(error)) from error
        known = state.read(self.paths)
        dial = known is not None and self.host in known.routes and known.routes[self.host].dial
        way = ssh.route(self._connection, dial=dial)
        ssh.bring(self.paths, self.host, self._connection, way)
        return {"changed": False, "host": self.host, "lab_linked": self.paths.name}
