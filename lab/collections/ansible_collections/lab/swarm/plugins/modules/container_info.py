"""Documentation of the action plugin lab.swarm.container_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_info
short_description: Look at a container
description:
- Returns a container's state and addresses. Changes nothing.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the container.
    type: str
    required: true
  wait_for:
    description:
    - A state to wait for, for example C(exited) or C(absent).
    type: str
    default: ''
  deadline:
    description:
    - Seconds to wait; reaching them is no error.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Wait until alpine1 has stopped
  lab.swarm.container_info:
    name: alpine1
    wait_for: exited
"""

RETURN = r"""
state:
  description:
  - The container's state, C(absent) where there is none.
  type: str
  returned: success
networks:
  description:
  - Its address on each of its networks.
  type: dict
  returned: success
waited:
  description:
  - Seconds waited.
  type: float
  returned: success
"""
