"""Documentation of the action plugin lab.swarm.port_probe."""

from __future__ import annotations

DOCUMENTATION = r"""
module: port_probe
short_description: Knock at the swarm's ports of other hosts
description:
- Connects to tcp ports and sends a byte to udp ports, all at once, with nothing but a shell on the
  host.
- What became of the bytes sent to udp ports is told by the counts of M(lab.swarm.swarm_ports) on
  the other side.
author:
- Swarm Lab
options:
  targets:
    description:
    - Whom to knock at.
    type: list
    elements: dict
    required: true
    options:
      name:
        description:
        - Name of the host.
        type: str
        required: true
      address:
        description:
        - Its IPv4 address.
        type: str
        required: true
      ports:
        description:
        - Ports as C(7946/udp).
        type: list
        elements: str
        required: true
  timeout:
    description:
    - Seconds after which a tcp port counts as closed.
    type: float
    default: 2
  outsider:
    description:
    - Whether to knock from a host of the segment that is none of the swarm's.
    type: bool
    default: false
  provider:
    description:
    - The provider that has the outsider.
    type: str
    default: netns
"""

EXAMPLES = r"""
- name: Knock at the manager
  lab.swarm.port_probe:
    targets:
      - name: manager
        address: 198.18.0.11
        ports: [2377/tcp, 7946/udp]
"""

RETURN = r"""
answers:
  description:
  - For each target, whether each tcp port accepted a connection.
  type: dict
  returned: success
"""
