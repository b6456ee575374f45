"""Documentation of the action plugin lab.swarm.swarm_ports."""

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_ports
short_description: Open the swarm's ports to the swarm's hosts only
description:
- Lets in 2377/tcp (on managers), 7946/tcp, 7946/udp and the data path's port from the peers and from nobody else, by
  the tool that manages the host's firewall (firewalld, ufw, nftables, iptables, in this order where several are
  active). ufw and firewalld keep that over a reboot; for nftables and iptables the next C(present) puts it back.
- A host on which nobody drops packets is left alone.
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
  tool:
    description:
    - The tool to use, C(none) to leave the host alone; empty for the one that is active.
    type: str
    default: ''
    choices:
    - ''
    - firewalld
    - ufw
    - nftables
    - iptables
    - none
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
tool:
  description:
  - The tool that manages the host's firewall; C(none) where nobody drops.
  type: str
  returned: success
said:
  description:
  - That the host was left alone.
  type: str
  returned: when nobody drops
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
