"""Documentation of the action plugin lab.swarm.container_run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_run
short_description: Run a container until it ends
description:
- Runs a container that is not detached, waits for its end and returns its output.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the container.
    type: str
    required: true
  image:
    description:
    - The image to run.
    type: str
    default: ''
  network:
    description:
    - The network to run it on.
    type: str
    default: ''
  command:
    description:
    - The command, where it is not the image's own.
    type: list
    elements: str
    default: []
  tty:
    description:
    - Give it a terminal (C(-t)).
    type: bool
    default: false
  remove:
    description:
    - Let the engine remove it when it ends (C(--rm)).
    type: bool
    default: false
  deadline:
    description:
    - Seconds until it has to end.
    type: int
    default: 60
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
- name: Ping alpine1 from a further container
  lab.swarm.container_run:
    name: alpine3
    image: alpine
    network: test-net
    command: [ping, -c, '2', alpine1]
    remove: true
"""

RETURN = r"""
status:
  description:
  - Its exit status.
  type: int
  returned: success
output:
  description:
  - What it printed.
  type: str
  returned: success
wire:
  description:
  - 'With C(peer): whether this host counts at all (counted), and the packets (vxlan_out, vxlan_in).'
  type: dict
  returned: success
"""
