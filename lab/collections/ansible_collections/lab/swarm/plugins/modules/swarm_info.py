"""Documentation of the action plugin lab.swarm.swarm_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_info
short_description: Look at a swarm
description:
- Returns an engine's facts, its part in a swarm, its networks and, on a manager, the nodes.
- Changes nothing.
author:
- Swarm Lab
options:
  ready:
    description:
    - Host names for whose nodes a manager waits until they are ready.
    type: list
    elements: str
    default: []
  networks:
    description:
    - Names of networks for which every engine waits.
    type: list
    elements: str
    default: []
  require:
    description:
    - Whether it is an error when they are not ready in time; if not, the caller judges what is returned.
    type: bool
    default: true
  deadline:
    description:
    - Seconds to wait for either.
    type: int
    default: 30
"""

EXAMPLES = r"""
- name: List the nodes
  lab.swarm.swarm_info:
    ready: [manager, worker-1]
"""

RETURN = r"""
nodes:
  description:
  - The nodes as a manager sees them.
  type: list
  elements: dict
  returned: on a manager
membership:
  description:
  - The engine's own view.
  type: dict
  returned: success
networks:
  description:
  - The engine's networks.
  type: list
  elements: dict
  returned: success
asked:
  description:
  - Those of the networks asked for, as C(ingress overlay swarm).
  type: list
  elements: str
  returned: success
refusal:
  description:
  - What the engine answers to a request that only a manager can serve.
  type: str
  returned: success
"""
