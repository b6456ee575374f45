"""Documentation of the action plugin lab.swarm.http_request."""

from __future__ import annotations

DOCUMENTATION = r"""
module: http_request
short_description: Ask for a page, at a port of several hosts
description:
- Sends HTTP requests from the task's host, with nothing but bash, and returns the status of every answer. Tries
  again until everyone has answered all of them with 200, or the deadline has passed.
author:
- Swarm Lab
options:
  addresses:
    description:
    - Addresses to ask, by name.
    type: dict
    required: true
  port:
    description:
    - The tcp port to ask at.
    type: int
    required: true
  count:
    description:
    - Number of requests to each address.
    type: int
    default: 1
  timeout:
    description:
    - Seconds to wait for one answer.
    type: float
    default: 2
  deadline:
    description:
    - Seconds to go on trying; reaching them is no error.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Ask port 80 of every host
  lab.swarm.http_request:
    addresses: {manager: 198.18.0.11, worker-1: 198.18.0.12}
    port: 80
"""

RETURN = r"""
answers:
  description:
  - For each name, the status of each answer; C(-) where nobody answered.
  type: dict
  returned: success
silent:
  description:
  - The names that did not answer every request with 200.
  type: list
  elements: str
  returned: success
waited:
  description:
  - Seconds waited.
  type: float
  returned: success
"""
