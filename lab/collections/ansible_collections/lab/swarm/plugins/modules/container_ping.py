"""Documentation of the action plugin lab.swarm.container_ping."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_ping
short_description: Ping from inside a container
description:
- Sends two packets to each target, all at once, and tells which answered without loss. Tries again until all do, or
  the deadline has passed. Changes nothing.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the container.
    type: str
    required: true
  targets:
    description:
    - Names or addresses to ping.
    type: list
    elements: str
    required: true
  deadline:
    description:
    - Seconds to go on trying; reaching them is no error.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Ping both tasks from the standalone container
  lab.swarm.container_ping:
    name: client
    targets: [10.0.1.3, 10.0.1.4]
"""

RETURN = r"""
answered:
  description:
  - The targets that answered without loss.
  type: list
  elements: str
  returned: success
waited:
  description:
  - Seconds waited.
  type: float
  returned: success
"""
