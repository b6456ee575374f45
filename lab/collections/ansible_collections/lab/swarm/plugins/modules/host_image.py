"""Documentation of the action plugin lab.swarm.host_image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_image
short_description: Make the host images that hosts have their root from
description:
- Makes each image that is not there yet out of Debian's packages, which takes about a minute, and leaves the others.
author:
- Swarm Lab
options:
  names:
    description:
    - The images, by the name of their recipe (C(bookworm), C(trixie)).
    type: list
    elements: str
    required: true
  source:
    description:
    - An address of Debian's packages; by default those that this machine's apt is configured with.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Make the hosts' images
  lab.swarm.host_image:
    names: [bookworm, trixie]
"""

RETURN = r"""
roots:
  description:
  - The directory of each image.
  type: dict
  returned: success
"""
