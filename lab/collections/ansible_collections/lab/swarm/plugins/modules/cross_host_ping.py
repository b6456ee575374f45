"""Documentation of the action plugin lab.swarm.cross_host_ping."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cross_host_ping
short_description: Ping containers on other hosts
description:
- Pings, from this host's container and by name, the containers of the other hosts, and judges each
  pair as a claim.
- A pair passes without loss, and where its packets left and came as VXLAN, counted by the host's
  own firewall.
author:
- Swarm Lab
options:
  prefix:
    description:
    - What stands before a host's name in the name of its container.
    type: str
    required: true
  addresses:
    description:
    - Each host's name and IPv4 address on the segment, in the order of the inventory.
    type: dict
    required: true
  data_path_port:
    description:
    - The port of the overlays' VXLAN packets.
    type: int
    default: 4789
  full_up_to:
    description:
    - The number of hosts up to which every ordered pair is tried; in larger labs each host pings
      its two neighbours.
    type: int
    default: 8
  deadline:
    description:
    - 'Seconds to go on trying: a name resolves only after the hosts'' gossip brought it.'
    type: int
    default: 30
"""

EXAMPLES = r"""
- name: Ping every other host's container
  lab.swarm.cross_host_ping:
    prefix: ping-
    addresses:
      manager: 198.18.0.11
      worker-1: 198.18.0.12
"""

RETURN = r"""
pings:
  description:
  - A row for each peer.
  type: list
  elements: dict
  returned: success
claims:
  description:
  - The verdict on each pair.
  type: list
  elements: dict
  returned: success
"""
