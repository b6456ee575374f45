"""Documentation of the action plugin lab.swarm.container_session."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_session
short_description: Type lines at a container's terminal
description:
- Attaches to a running container that has a terminal, types each line at its prompt and returns what
  appeared.
- A line such as C(exit) may end the session, and with it the container.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the container.
    type: str
    required: true
  lines:
    description:
    - The lines to type.
    type: list
    elements: str
    required: true
  deadline:
    description:
    - Seconds until each line's prompt has to appear.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Ping alpine2 in the session of alpine1
  lab.swarm.container_session:
    name: alpine1
    lines:
      - ping -c 2 alpine2
"""

RETURN = r"""
typed:
  description:
  - Each line with the output that followed it.
  type: list
  elements: dict
  returned: success
"""
