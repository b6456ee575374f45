"""Documentation of the action plugin lab.swarm.image_archive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_archive
short_description: Make the tutorial's images, or look at archives of them
description:
- With source C(debian), makes two images from this machine's packages busybox-static and nginx.
- With a directory, looks at the archives in it and makes sure that they hold the images needed.
author:
- Swarm Lab
options:
  source:
    description:
    - C(debian), C(hub), or a directory of archives written by C(docker save); empty for what the
      lab was brought up with.
    type: str
    default: ''
  state:
    description:
    - C(present) makes or finds the archives; C(checked) only makes sure that this will work; C(found) only tells
      which images stand for the tutorial's.
    type: str
    default: present
    choices:
    - present
    - checked
    - found
  alpine:
    description:
    - The image that stands for alpine, where the source is not C(debian).
    type: str
    default: alpine:latest
  nginx:
    description:
    - The image that stands for nginx, where the source is not C(debian).
    type: str
    default: nginx:latest
"""

EXAMPLES = r"""
- name: Make the tutorial's images
  lab.swarm.image_archive:
"""

RETURN = r"""
archives:
  description:
  - Path of each archive, and what to look for in an engine that may have its images already.
  type: list
  elements: dict
  returned: success
label:
  description:
  - The label that tells what an image was made of.
  type: str
  returned: success
images:
  description:
  - Their source, their names, and what they are made of.
  type: dict
  returned: success
"""
