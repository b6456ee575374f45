"""Documentation of the action plugin lab.swarm.claim."""

from __future__ import annotations

DOCUMENTATION = r"""
module: claim
short_description: Judge a claim
description:
- Compares what was observed with what is expected. The task's name is the claim's title.
- A claim that fails does not fail the task; M(lab.swarm.verdict) does at the end.
author:
- Swarm Lab
options:
  id:
    description:
    - The claim's stable id.
    type: str
    required: true
  expected:
    description:
    - What the tutorial says.
    type: raw
    required: true
  observed:
    description:
    - What was seen.
    type: raw
    required: true
  waited:
    description:
    - Seconds until the observation settled.
    type: float
    default: 0
  skip:
    description:
    - 'Why the claim is not judged: a fact about the host that was probed.'
    type: str
    default: ''
  record_only:
    description:
    - 'Whether the source leaves this to the version: recorded, never failed.'
    type: bool
    default: false
  evidence:
    description:
    - What else is worth keeping.
    type: raw
"""

EXAMPLES = r"""
- name: verify | Test-net has the same id on both hosts
  lab.swarm.claim:
    id: standalone-containers.same-network-id
    expected: uqsof8phj3ak
    observed: uqsof8phj3ak
"""

RETURN = r"""
claims:
  description:
  - The verdict.
  type: list
  elements: dict
  returned: success
"""
