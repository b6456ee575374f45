"""Documentation of the action plugin lab.swarm.survey."""

from __future__ import annotations

DOCUMENTATION = r"""
module: survey
short_description: Look at a host that is reached by SSH
description:
- Asks the host for its names, clock, addresses, routes, space, kernel and rights, and its engine for its version, in
  two shell scripts; needs no Python there, and changes nothing.
- A host that cannot be reached does not fail the task; its result says why, so that C(preflight) can tell of all
  hosts at once.
author:
- Swarm Lab
options: {}
"""

EXAMPLES = r"""
- name: Look at the host
  lab.swarm.survey:
  register: lab_host_survey
"""

RETURN = r"""
problem:
  description:
  - Why the host could not be asked; empty where it was.
  type: str
  returned: success
survey:
  description:
  - What the host told.
  type: dict
  returned: when it was asked
engine:
  description:
  - What its engine told; empty where there is none, or it is out of reach.
  type: dict
  returned: success
route:
  description:
  - How the host is reached.
  type: dict
  returned: when it was asked
"""
