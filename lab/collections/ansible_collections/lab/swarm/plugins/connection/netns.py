"""Connection to an embedded host: a command inside its namespaces."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

from lab.errors import LabError
from lab.hosts import netns
from lab.hosts.base import LabPaths

DOCUMENTATION = """
name: netns
author: Swarm Lab
short_description: Run commands inside an embedded host of a lab
description:
  - Enters the namespaces and control groups of a host that the C(netns) provider made on this machine.
options:
  lab:
    description: Name of the lab.
    type: str
    default: lab
    vars:
      - name: lab_name
  remote_addr:
    description: Name of the host in the lab.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
"""


class Connection(ConnectionBase):
    """Runs each command by ``nsenter``; there is nothing to keep open."""

    transport = "lab.swarm.netns"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def _enter(self) -> tuple[str, ...]:
        host = self.get_option("remote_addr")
        try:
            return netns.enter(LabPaths.of(self.get_option("lab")), host)
        except LabError as error:
            raise AnsibleConnectionFailure(str(error)) from error

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a shell command in the host; return status, output and error output."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        done = subprocess.run(
            [*self._enter(), "/bin/sh", "-c", cmd],
            input=in_data or b"",
            capture_output=True,
            check=False,
            env=netns.environment(),
            cwd="/",
        )
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file into the host."""
        super().put_file(in_path, out_path)
        self._copy(f"cat >'{out_path}'", Path(in_path).read_bytes())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file out of the host."""
        super().fetch_file(in_path, out_path)
        Path(out_path).write_bytes(self._copy(f"cat '{in_path}'", b""))

    def _copy(self, script: str, content: bytes) -> bytes:
        status, output, errors = self.exec_command(script, in_data=content, sudoable=False)
        if status != 0:
            raise AnsibleConnectionFailure(errors.decode(errors="replace").strip())
        return output

    def close(self) -> None:
        """Nothing is held open."""
        self._connected = False
