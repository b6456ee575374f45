"""Documentation of the action plugin lab.swarm.network_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Look at a network
description:
- Returns one engine's view of a network, if it has one. Changes nothing.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the network.
    type: str
    required: true
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
containers:
  description:
  - Names of this host's containers on it.
  type: list
  elements: str
  returned: success
waited:
  description:
  - Seconds waited.
  type: float
  returned: success
"""
