"""Documentation of the action plugin lab.swarm.stage_ready."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stage_ready
short_description: Find everything ready for a stage
description:
- Looks, on one host, at everything that a stage needs, and refuses with every problem at once, before anything is
  made. An engine that is a node of another swarm, a node that is down or drained, a missing image, a taken port and
  a name that somebody else uses are such problems. Changes nothing.
- Tells what the host's kernel can do, for claims that depend on it.
author:
- Swarm Lab
options:
  engine:
    description:
    - The oldest engine that the stage works with.
    type: str
    default: '17.06'
  hosts:
    description:
    - The number of hosts that the stage needs at least.
    type: int
    default: 1
  images:
    description:
    - Images that have to be on the host.
    type: list
    elements: str
    default: []
  ports:
    description:
    - tcp ports that have to be free on the host.
    type: list
    elements: int
    default: []
  services:
    description:
    - Names of services that the stage makes.
    type: list
    elements: str
    default: []
  networks:
    description:
    - Names of networks that the stage makes.
    type: list
    elements: str
    default: []
  containers:
    description:
    - Names of containers that the stage makes, by host.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Find everything ready for the stage
  lab.swarm.stage_ready:
    services: [my-nginx]
    networks: [nginx-net]
    ports: [80]
"""

RETURN = r"""
stage:
  description:
  - The stage that begins.
  type: str
  returned: success
address:
  description:
  - The address by which the swarm knows the host.
  type: str
  returned: success
kernel:
  description:
  - Release of the host's kernel.
  type: str
  returned: success
ipvs:
  description:
  - Whether that kernel has IPVS, which the routing mesh and virtual IPs need.
  type: bool
  returned: success
no_ipvs:
  description:
  - The reason for skipping what needs it, empty where it is there.
  type: str
  returned: success
no_internet:
  description:
  - The reason for skipping what needs the internet, empty where the host has a default route.
  type: str
  returned: success
"""
