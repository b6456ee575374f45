"""Documentation of the action plugin lab.swarm.image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Bring an image into an engine
description:
- Loads an archive, or pulls from a registry, where the engine does not have the image.
author:
- Swarm Lab
options:
  archive:
    description:
    - An archive written by C(docker save).
    type: path
    default: ''
  wanted:
    description:
    - The archive's tags, each with the value of O(label) on an image that need not be loaded again.
    type: dict
    default: {}
  label:
    description:
    - The label to compare; without one, any image of the tag will do.
    type: str
    default: ''
  name:
    description:
    - An image to pull.
    type: str
    default: ''
  state:
    description:
    - C(present) brings the image; C(absent) removes the images that a lab made from Debian packages, but for those that
      somebody's container uses. Others may be anybody's, and stay.
    type: str
    default: present
    choices:
    - present
    - absent
"""

EXAMPLES = r"""
- name: Load the images
  lab.swarm.image:
    archive: /srv/images/alpine.tar
    wanted:
      alpine:latest: ''
"""

RETURN = r"""
"""
