"""Documentation of the action plugin lab.swarm.holdings."""

from __future__ import annotations

DOCUMENTATION = r"""
module: holdings
short_description: What an engine has that is not the lab's
description:
- Lists containers with their state, local networks, volumes and images of a host's engine that the lab did not label.
author:
- Swarm Lab
options: {}
"""

EXAMPLES = r"""
- name: Look at what is there before anything is removed
  lab.swarm.holdings:
  register: before
"""

RETURN = r"""
holdings:
  description:
  - Names and ids by kind (containers, networks, volumes, images).
  type: dict
  returned: success
"""
