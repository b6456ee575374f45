"""Documentation of the action plugin lab.swarm.network_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Look at a network
description:
- Returns each engine's view of a network, if it has one. Changes nothing.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the network.
    type: str
    required: true
  hosts:
    description:
    - Hosts to look on; the task's own where empty. What is returned beside C(hosts) is the first one's.
    type: list
    elements: str
    default: []
  peers:
    description:
    - Wait until the network has that many peers, before looking.
    type: int
    default: 0
  wait_for:
    description:
    - Wait until the network is there, or is gone, before looking.
    type: str
    default: any
    choices:
    - any
    - present
    - absent
  deadline:
    description:
    - Seconds to wait; reaching them is no error.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Look for test-net on host2
  lab.swarm.network_info:
    name: test-net
  delegate_to: worker-1
"""

RETURN = r"""
present:
  description:
  - Whether this engine has the network.
  type: bool
  returned: success
id:
  description:
  - The network's id, empty where there is none.
  type: str
  returned: success
hosts:
  description:
  - 'For each host: present, id, network, containers, container_ids, addresses, peers, waited.'
  type: dict
  returned: success
by_host:
  description:
  - The ids of its containers, by host; hosts without any are left out.
  type: dict
  returned: success
containers:
  description:
  - Names of this host's containers on it, its load balancer left out.
  type: list
  elements: str
  returned: success
container_ids:
  description:
  - Their ids.
  type: list
  elements: str
  returned: success
addresses:
  description:
  - Their addresses, by name.
  type: dict
  returned: success
peers:
  description:
  - Addresses of the hosts that have it, as this engine knows them.
  type: list
  elements: str
  returned: success
waited:
  description:
  - Seconds waited.
  type: float
  returned: success
"""
