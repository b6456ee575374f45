"""Documentation of the action plugin lab.swarm.network."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Create or remove a network
description:
- Makes sure that a network of this lab is there, or is not.
- A network of the same name that is not this lab's is never touched.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the network.
    type: str
    required: true
  state:
    description:
    - Whether it is to be there.
    type: str
    default: present
    choices:
    - present
    - absent
  driver:
    description:
    - The network's driver.
    type: str
    default: overlay
  attachable:
    description:
    - Whether standalone containers may use it.
    type: bool
    default: false
  encrypted:
    description:
    - Whether its packets are encrypted on the wire.
    type: bool
    default: false
  subnet:
    description:
    - Its subnet as CIDR; the engine chooses where there is none.
    type: str
    default: ''
  options:
    description:
    - Further options of the driver.
    type: dict
    default: {}
  deadline:
    description:
    - Seconds to go on trying while the network is in use.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Create the attachable overlay test-net
  lab.swarm.network:
    name: test-net
    attachable: true
"""

RETURN = r"""
"""
