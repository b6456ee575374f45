"""Documentation of the action plugin lab.swarm.link."""

from __future__ import annotations

DOCUMENTATION = r"""
module: link
short_description: Bring an engine's socket to this machine
description:
- Forwards the socket of the host's engine over the SSH connection that Ansible holds, into a socket (0600) in the
  directory of the lab, until the playbook ends. Where the user may not open the engine's socket, each connection runs
  C(docker system dial-stdio) by sudo on the host. Embedded hosts need nothing of it.
- Opens no port of the engine anywhere.
author:
- Swarm Lab
options: {}
"""

EXAMPLES = r"""
- name: Link the engine
  lab.swarm.link:
"""

RETURN = r"""
host:
  description:
  - The host.
  type: str
  returned: success
"""
