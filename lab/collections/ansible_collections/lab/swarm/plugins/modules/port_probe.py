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
  addresses:
    description:
    - Each host's name and IPv4 address, in the order of the inventory.
    type: dict
    required: true
  managers:
    description:
    - The hosts that listen on 2377/tcp.
    type: list
    elements: str
    required: true
  data_path_port:
    description:
    - The port of the overlays' VXLAN packets.
    type: int
    default: 4789
  full_up_to:
    description:
    - The number of hosts up to which every ordered pair is tried; in larger labs each host tries
      its two neighbours.
    type: int
    default: 8
  timeout:
    description:
    - Seconds after which a tcp port counts as closed.
    type: float
    default: 1
  unheard:
    description:
    - Whether a port at which nobody listens yet counts as open, as long as its host says so.
    type: bool
    default: false
  outsider:
    description:
    - Whether to knock at every host from a host of the segment that is none of the swarm's.
    type: bool
    default: false
  provider:
    description:
    - The provider that has the outsider.
    type: str
    default: netns
"""

EXAMPLES = r"""
- name: Knock at the other hosts
  lab.swarm.port_probe:
    addresses:
      manager: 198.18.0.11
      worker-1: 198.18.0.12
    managers: [manager]
"""

RETURN = r"""
open:
  description:
  - The tcp ports that accepted a connection, as C(worker-1 to manager 2377/tcp).
  type: list
  elements: str
  returned: success
inside:
  description:
  - With O(outsider), the hosts whose address this machine has, so that it is no outsider.
  type: list
  elements: str
  returned: success
closed:
  description:
  - Those that did not.
  type: list
  elements: str
  returned: success
silent:
  description:
  - With O(unheard), the udp ports of which nothing was heard, as where somebody listens already.
  type: list
  elements: str
  returned: success
"""
