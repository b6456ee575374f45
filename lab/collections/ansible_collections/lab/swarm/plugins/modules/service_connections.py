"""Documentation of the action plugin lab.swarm.service_connections."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_connections
short_description: Count the connections that a service's tasks have accepted
description:
- Reads, inside each running container of the service on each of the hosts, how many TCP connections it has
  accepted. So a claim can tell which task answered, whatever the image serves. Changes nothing.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the service.
    type: str
    required: true
  hosts:
    description:
    - Hosts to look at.
    type: list
    elements: str
    required: true
  since:
    description:
    - The C(counts) of an earlier look.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Count the connections of the tasks of my-nginx
  lab.swarm.service_connections:
    name: my-nginx
    hosts: [manager, worker-1, worker-2]
"""

RETURN = r"""
counts:
  description:
  - For each host, each container's id with its connections.
  type: dict
  returned: success
new:
  description:
  - For each host, the connections since the earlier look.
  type: dict
  returned: success
answered:
  description:
  - For each host, whether any container there has accepted a connection since the earlier look.
  type: dict
  returned: success
answering:
  description:
  - Number of containers that have accepted a connection since the earlier look.
  type: int
  returned: success
"""
