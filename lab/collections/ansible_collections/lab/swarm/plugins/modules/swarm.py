"""Documentation of the action plugin lab.swarm.swarm."""

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm
short_description: Form a swarm
description:
- Initialises a swarm, joins it, leaves it, rotates its join tokens, or removes nodes that an earlier
  run left behind.
- A join token goes from a manager's API to the joining engine's inside this plugin and nowhere else.
author:
- Swarm Lab
options:
  state:
    description:
    - What to bring about.
    type: str
    required: true
    choices:
    - initialised
    - joined
    - left
    - rotated
    - without_ghosts
  advertise:
    description:
    - The address that the node tells the others.
    type: str
    default: ''
  data_path_port:
    description:
    - The port of the overlays' VXLAN packets; 0 for the engine's own default.
    type: int
    default: 0
  manager:
    description:
    - The host whose engine gives the join token.
    type: str
    default: ''
  remotes:
    description:
    - Addresses of managers to join.
    type: list
    elements: str
    default: []
  role:
    description:
    - The role to join with.
    type: str
    default: worker
    choices:
    - manager
    - worker
  hostnames:
    description:
    - Names of this lab's hosts, for C(without_ghosts).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Join the swarm
  lab.swarm.swarm:
    state: joined
    manager: manager
    remotes: [198.18.0.11]
    advertise: 198.18.0.12
"""

RETURN = r"""
"""
