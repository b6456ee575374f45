"""Documentation of the action plugin lab.swarm.swarm."""

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm
short_description: Form a swarm
description:
- Initialises a swarm, joins it, leaves it, rotates its join tokens, labels its nodes, or removes nodes that an
  earlier run left behind.
- C(found) tells which host manages the lab's swarm. C(pruned) drains, demotes and removes the nodes of hosts that the
  inventory has no longer. C(dissolved) makes every host leave, workers first.
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
    - labelled
    - found
    - pruned
    - dissolved
  foreign:
    description:
    - What becomes of a swarm that the lab did not form and the host belongs to. C(adopted) takes the manager of one for
      the lab's own, C(refused) fails and names it, C(left) leaves it first.
    type: str
    default: refused
    choices:
    - adopted
    - refused
    - left
  data_path:
    description:
    - The address of the overlays' packets, where that is another than the one advertised.
    type: str
    default: ''
  address_pools:
    description:
    - For C(initialised), the networks (CIDR) out of which overlays get theirs; the engine's own, 10.0.0.0/8, where none
      is named.
    type: list
    elements: str
    default: []
  labels:
    description:
    - For C(labelled), each node's labels by host name. Labels that an earlier run gave and nobody asks for any more go;
      those that anybody else gave stay.
    type: dict
    default: {}
  hosts:
    description:
    - For C(found) and C(dissolved), the hosts to ask; all of the lab's where none is named.
    type: list
    elements: str
    default: []
  force:
    description:
    - For C(dissolved), whether services and networks that are not the lab's may go with the swarm.
    type: bool
    default: false
  asking:
    description:
    - For C(dissolved), only fail where such services or networks are there.
    type: bool
    default: false
  deadline:
    description:
    - For C(pruned) and C(dissolved), seconds until a drained node has to be empty, or a demoted manager has to know.
    type: int
    default: 60
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
manager:
  description:
  - The first host that manages the lab's swarm; empty where there is none.
  type: str
  returned: with state C(found)
"""
