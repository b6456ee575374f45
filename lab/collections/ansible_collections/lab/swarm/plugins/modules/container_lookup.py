"""Documentation of the action plugin lab.swarm.container_lookup."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_lookup
short_description: Look names up from inside a container
description:
- Asks the name server of a running container what names resolve to, until each has as many addresses as wanted, or
  the deadline has passed. Changes nothing.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the container.
    type: str
    required: true
  wanted:
    description:
    - For each name to look up, the number of addresses to wait for.
    type: dict
    required: true
  deadline:
    description:
    - Seconds to wait; reaching them is no error.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Resolve the service web and its tasks
  lab.swarm.container_lookup:
    name: client
    wanted: {web: 1, tasks.web: 2}
"""

RETURN = r"""
addresses:
  description:
  - For each name, its addresses in order.
  type: dict
  returned: success
waited:
  description:
  - Seconds waited.
  type: float
  returned: success
"""
