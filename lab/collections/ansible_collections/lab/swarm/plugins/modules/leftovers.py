"""Documentation of the action plugin lab.swarm.leftovers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: leftovers
short_description: What a stage left in the engines
description:
- Removes the containers, services and networks that a stage of this lab made, on all hosts of the swarm, or waits
  until they are gone. Goes by their labels, so that nothing of anybody else's is touched.
author:
- Swarm Lab
options:
  stage:
    description:
    - Name of the stage; that of the role which the task is in where empty.
    type: str
    default: ''
  everything:
    description:
    - Take all that the lab made, of whatever stage or none.
    type: bool
    default: false
  hosts:
    description:
    - The hosts on which to look; all of the lab's where none is named.
    type: list
    elements: str
    default: []
  manager:
    description:
    - With O(everything), the host whose engine removes services and overlays; none where there is no swarm.
    type: str
    default: ''
  state:
    description:
    - Remove them, or only wait until they are gone. Containers of tasks that have ended are not waited for, since the
      swarm keeps them for some seconds; they are removed.
    type: str
    default: absent
    choices:
    - absent
    - awaited
  deadline:
    description:
    - Seconds until everything has to be gone; reaching them while only waiting is no error.
    type: int
    default: 30
"""

EXAMPLES = r"""
- name: Remove what an earlier run left
  lab.swarm.leftovers:
    stage: default-overlay
"""

RETURN = r"""
left:
  description:
  - What is left, as C(network nginx-net on worker-1).
  type: list
  elements: str
  returned: when waiting
waited:
  description:
  - Seconds waited.
  type: float
  returned: when waiting
"""
