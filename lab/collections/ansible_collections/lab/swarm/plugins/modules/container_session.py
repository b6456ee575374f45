"""Documentation of the action plugin lab.swarm.container_session."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_session
short_description: Type lines at a container's terminal
description:
- Attaches to a running container that has a terminal, types each line at its prompt and returns what
  appeared.
- A line such as C(exit) may end the session, and with it the container.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the container.
    type: str
    required: true
  lines:
    description:
    - The lines to type.
    type: list
    elements: str
    required: true
  deadline:
    description:
    - Seconds until each line's prompt has to appear.
    type: int
    default: 20
  detach:
    description:
    - Type ctrl-p ctrl-q at the end, which leaves the container running.
    type: bool
    default: false
  peer:
    description:
    - Address of another host; the VXLAN packets that leave for it and come from it meanwhile are counted.
    type: str
    default: ''
  data_path_port:
    description:
    - The port of the overlays' VXLAN packets.
    type: int
    default: 4789
"""

EXAMPLES = r"""
- name: Ping alpine2 in the session of alpine1
  lab.swarm.container_session:
    name: alpine1
    lines:
      - ping -c 2 alpine2
"""

RETURN = r"""
typed:
  description:
  - Each line with the output that followed it.
  type: list
  elements: dict
  returned: success
detached:
  description:
  - Whether the engine ended the attachment when the detach keys were typed.
  type: bool
  returned: success
wire:
  description:
  - 'With C(peer): whether this host counts at all (counted), and the packets (vxlan_out, vxlan_in).'
  type: dict
  returned: success
"""
