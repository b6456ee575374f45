"""Documentation of the action plugin lab.swarm.network_list."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network_list
short_description: List the networks of engines
description:
- Returns what C(docker network ls) shows on each of the hosts. Changes nothing.
author:
- Swarm Lab
options:
  hosts:
    description:
    - Hosts to look at; the task's own where empty.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: List the networks of host1
  lab.swarm.network_list:
    hosts: [manager]
"""

RETURN = r"""
networks:
  description:
  - 'For each host, its networks: id, name, driver, scope.'
  type: dict
  returned: success
names:
  description:
  - For each host, the names of its networks.
  type: dict
  returned: success
"""
