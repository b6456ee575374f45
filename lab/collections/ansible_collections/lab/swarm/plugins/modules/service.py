"""Documentation of the action plugin lab.swarm.service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service
short_description: A service of the swarm
description:
- Creates a service, updates what differs from the description, or removes it; asked of a manager.
- Waits until as many tasks run as are wanted, by the state of the tasks; where they do not, fails with the tasks'
  own errors.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the service.
    type: str
    required: true
  state:
    description:
    - Whether the service is there.
    type: str
    default: present
    choices:
    - present
    - absent
  image:
    description:
    - Image of its tasks; needed unless it is to be absent.
    type: str
    default: ''
  command:
    description:
    - Arguments for the image; its own where empty.
    type: list
    elements: str
    default: []
  mode:
    description:
    - As many tasks as C(replicas) says, or one on every node.
    type: str
    default: replicated
    choices:
    - replicated
    - global
  replicas:
    description:
    - Number of tasks.
    type: int
    default: 1
  networks:
    description:
    - Overlays that its tasks are on; others are removed from it.
    type: list
    elements: str
    default: []
  publish:
    description:
    - Ports to publish.
    type: list
    elements: dict
    default: []
    options:
      published:
        description:
        - The port of the hosts; 0 lets the swarm choose.
        type: int
        default: 0
      target:
        description:
        - The port of the tasks.
        type: int
        required: true
      mode:
        description:
        - By the routing mesh on every host, or on the hosts of the tasks only.
        type: str
        default: ingress
        choices:
        - ingress
        - host
      protocol:
        description:
        - Protocol of the port.
        type: str
        default: tcp
        choices:
        - tcp
        - udp
  endpoint_mode:
    description:
    - Whether its name resolves to one virtual IP, or to the addresses of its tasks.
    type: str
    default: vip
    choices:
    - vip
    - dnsrr
  update_parallelism:
    description:
    - Number of tasks that an update replaces at a time.
    type: int
    default: 1
  update_order:
    description:
    - Whether an update stops a task before it starts the next, or after.
    type: str
    default: stop-first
    choices:
    - stop-first
    - start-first
  converge:
    description:
    - Whether to wait for its tasks.
    type: bool
    default: true
  deadline:
    description:
    - Seconds until its tasks have to run.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Create the service my-nginx of five replicas on nginx-net
  lab.swarm.service:
    name: my-nginx
    image: nginx
    replicas: 5
    networks:
      - nginx-net
    publish:
      - published: 80
        target: 80
- name: Remove the service
  lab.swarm.service:
    name: my-nginx
    state: absent
"""

RETURN = r"""
before:
  description:
  - The service as it was, empty where there was none.
  type: dict
  returned: success
after:
  description:
  - The service as it is.
  type: dict
  returned: success
command:
  description:
  - The docker command that a person would have typed.
  type: str
  returned: success
"""
