"""Documentation of the action plugin lab.swarm.preflight."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Judge over all hosts before anything is changed
description:
- Takes what C(survey) found on every host, and fails with one line for each problem that would keep them from being
  a swarm (names, clocks, addresses, routes, space, kernel, engine, rights, other swarms).
author:
- Swarm Lab
options:
  surveys:
    description:
    - The result of C(survey), by host.
    type: dict
    required: true
  addresses:
    description:
    - The address of each host that the lab gave one; others' are as the inventory says, or found.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Judge over all hosts
  lab.swarm.preflight:
    surveys: "{{ dict(lab_host_all | zip(lab_host_all | map('extract', hostvars, 'lab_host_survey'))) }}"
"""

RETURN = r"""
addresses:
  description:
  - The IPv4 address at which each host is a member of the swarm.
  type: dict
  returned: success
data_path:
  description:
  - The IPv4 address of the overlays' packets, for hosts where that is another.
  type: dict
  returned: success
routes:
  description:
  - How each host is reached.
  type: dict
  returned: success
"""
