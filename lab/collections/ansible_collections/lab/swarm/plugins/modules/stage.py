"""Documentation of the action plugin lab.swarm.stage."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stage
short_description: Choose stages of the tutorial
description:
- Returns the stages to walk through, in order, and refuses names that are none. Changes nothing.
author:
- Swarm Lab
options:
  names:
    description:
    - Names of stages, a list or separated by commas; C(all) for every one in the tutorial's order.
    type: list
    elements: str
    required: true
  keep:
    description:
    - Whether what the stage makes is to be left up, which is possible for one stage at a time.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Choose the stages
  lab.swarm.stage:
    names: [default-overlay, standalone-containers]
"""

RETURN = r"""
names:
  description:
  - Names of the stages.
  type: list
  elements: str
  returned: success
"""
