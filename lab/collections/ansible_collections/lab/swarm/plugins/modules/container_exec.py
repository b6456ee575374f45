"""Documentation of the action plugin lab.swarm.container_exec."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_exec
short_description: Run a command in a container
description:
- Runs a command in a running container. Its exit status is a result, not an error.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the container.
    type: str
    required: true
  command:
    description:
    - The command and its arguments.
    type: list
    elements: str
    required: true
  wait_for_status:
    description:
    - Run it again until it ends with this status.
    type: int
  deadline:
    description:
    - Seconds to go on trying; reaching them is no error.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Ask alpine1 for its addresses
  lab.swarm.container_exec:
    name: alpine1
    command: [ip, addr, show]
"""

RETURN = r"""
status:
  description:
  - The command's exit status.
  type: int
  returned: success
output:
  description:
  - What it printed.
  type: str
  returned: success
"""
