"""Documentation of the action plugin lab.swarm.swarm_ports."""

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_ports
short_description: Open the swarm's ports to the swarm's hosts only
description:
- Puts a chain into the host's input chain that lets in 2377/tcp (on managers), 7946/tcp, 7946/udp
  and the data path's port from the peers, and drops them from everybody else.
- A host on which no input chain drops packets is left alone.
author:
- Swarm Lab
options:
  state:
    description:
    - C(present) opens, C(absent) takes everything back, C(counted) only returns what passed.
    type: str
    default: present
    choices:
    - present
    - absent
    - counted
  peers:
    description:
    - IPv4 addresses of the swarm's hosts.
    type: list
    elements: str
    default: []
  own:
    description:
    - This host's own address, which needs no rule.
    type: str
    default: ''
  manager:
    description:
    - Whether 2377/tcp is opened too.
    type: bool
    default: false
  data_path_port:
    description:
    - The port of the overlays' VXLAN packets.
    type: int
    default: 4789
  encrypted:
    description:
    - Whether IP protocol 50 (ESP) is opened too, for encrypted overlays.
    type: bool
    default: false
  since:
    description:
    - An earlier result of C(counted), to compare with.
    type: dict
    default: {}
  addresses:
    description:
    - Each host's name and IPv4 address, for C(counted).
    type: dict
    default: {}
  full_up_to:
    description:
    - The number of hosts up to which every pair is expected to have talked.
    type: int
    default: 8
"""

EXAMPLES = r"""
- name: Open the swarm's ports
  lab.swarm.swarm_ports:
    peers: [198.18.0.11, 198.18.0.12]
    own: 198.18.0.11
    manager: true
"""

RETURN = r"""
place:
  description:
  - The input chain that was opened, empty where none drops.
  type: str
  returned: success
counts:
  description:
  - Packets let in, for each set of ours and each peer.
  type: dict
  returned: when counted
refused:
  description:
  - Packets that the closing rules dropped, by port.
  type: dict
  returned: success
silent:
  description:
  - Udp ports on which a peer's count has not grown.
  type: list
  elements: str
  returned: when counted
untouched:
  description:
  - Ports whose closing rule has dropped nothing more.
  type: list
  elements: str
  returned: when counted
"""
