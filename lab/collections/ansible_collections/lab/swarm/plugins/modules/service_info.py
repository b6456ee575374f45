"""Documentation of the action plugin lab.swarm.service_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_info
short_description: Look at a service and its tasks
description:
- Returns a manager's view of a service. Changes nothing.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the service.
    type: str
    required: true
  show:
    description:
    - 'Which docker command a person would look with: C(docker service inspect) or C(docker service ps).'
    type: str
    default: inspect
    choices:
    - inspect
    - ps
  wait_for:
    description:
    - 'Before looking, wait until it is C(converged): as many tasks of its present form run as are wanted, and none
      of an older form; or until it is C(refused): a task tells why it does not run.'
    type: str
    default: any
    choices:
    - any
    - converged
    - refused
  deadline:
    description:
    - Seconds to wait; reaching them is no error.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Wait until the tasks of my-nginx run
  lab.swarm.service_info:
    name: my-nginx
    show: ps
    wait_for: converged
"""

RETURN = r"""
present:
  description:
  - Whether the swarm has the service.
  type: bool
  returned: success
service:
  description:
  - The service's specification in short.
  type: dict
  returned: success
publish:
  description:
  - Its published ports, as C(80->80/tcp ingress).
  type: list
  elements: str
  returned: success
virtual_addresses:
  description:
  - Its virtual IP on each network, by the network's name.
  type: dict
  returned: success
tasks:
  description:
  - 'Every task, newest first: id, node, state, desired, container, error, addresses, current, since_s.'
  type: list
  elements: dict
  returned: success
running:
  description:
  - The tasks of its present form that run.
  type: list
  elements: dict
  returned: success
by_node:
  description:
  - Their containers' ids, by the node on which they are.
  type: dict
  returned: success
wanted:
  description:
  - Number of tasks that should run.
  type: int
  returned: success
standing:
  description:
  - 'Both in words: C(5 of 5), or C(4 of 5) with what the others say.'
  type: str
  returned: success
errors:
  description:
  - What the tasks that do not run say.
  type: list
  elements: str
  returned: success
waited:
  description:
  - Seconds waited.
  type: float
  returned: success
"""
