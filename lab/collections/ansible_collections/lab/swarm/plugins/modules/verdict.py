"""Documentation of the action plugin lab.swarm.verdict."""

from __future__ import annotations

DOCUMENTATION = r"""
module: verdict
short_description: Fail where a claim has failed
description:
- Fails if any host of the play remembers a claim that failed. Changes nothing.
author:
- Swarm Lab
options:
  broken:
    description:
    - Stages that were not walked to their end, which fails too.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: verify | Every claim holds
  lab.swarm.verdict:
  run_once: true
"""

RETURN = r"""
"""
