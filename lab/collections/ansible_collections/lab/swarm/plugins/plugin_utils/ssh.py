"""A host's route, out of the connection that Ansible holds to it, and the link to its engine.

Ansible's ssh connection does not tell its command line; ``_build_command`` is what its own ``reset`` asks too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lab.hosts import link
from lab.hosts.base import LabPaths, Route

TRANSPORT = "ssh"


def is_remote(connection: Any) -> bool:
    """Tell whether a connection is Ansible's ssh."""
    return getattr(connection, "transport", "") == TRANSPORT


def route(connection: Any, *, dial: bool) -> Route:
    """Return how a host is reached, over the connection that is held; without what types passwords for ssh."""
    program = connection.get_option("ssh_executable")
    words = [word.decode() for word in connection._build_command(program, "ssh", connection.get_option("host"))]
    words = words[words.index(program) :]
    return Route(tuple(words[:-1]), words[-1], sudo=connection.become is not None, dial=dial)


def sudo_password(connection: Any) -> str:
    """Return the password that the inventory gives for sudo, empty where it gives none."""
    return str(connection.become.get_option("become_pass") or "") if connection.become else ""


def bring(paths: LabPaths, host: str, connection: Any, way: Route) -> Path:
    """Bring the engine's socket to this machine until the playbook ends: its process is a worker's parent."""
    return link.ensure(paths, host, way, os.getppid(), password=sudo_password(connection) if way.dial else "")
