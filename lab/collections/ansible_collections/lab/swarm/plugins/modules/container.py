"""Documentation of the action plugin lab.swarm.container."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container
short_description: Run, stop or remove a standalone container
description:
- Makes sure that a container of this lab runs, has stopped, or is gone.
- A container of the same name that is not this lab's is never touched.
author:
- Swarm Lab
options:
  name:
    description:
    - Name of the container.
    type: str
    required: true
  image:
    description:
    - The image to run.
    type: str
    default: ''
  network:
    description:
    - The network to run it on.
    type: str
    default: ''
  command:
    description:
    - The command, where it is not the image's own.
    type: list
    elements: str
    default: []
  restart:
    description:
    - The restart policy, by which it comes back when its engine does; none where empty.
    type: str
    default: ''
    choices:
    - ''
    - unless-stopped
    - always
    - on-failure
  hosts:
    description:
    - Hosts on which to do the same, side by side; the task's own where empty. C(before) and C(after) are by host
      where there are several.
    type: list
    elements: str
    default: []
  state:
    description:
    - What to bring about; a stopped container that is to be started is replaced.
    type: str
    default: started
    choices:
    - started
    - stopped
    - absent
  interactive:
    description:
    - Keep its input open (C(-i)).
    type: bool
    default: false
  tty:
    description:
    - Give it a terminal (C(-t)).
    type: bool
    default: false
  detach:
    description:
    - Whether a person would start it in the background (C(-d)); it is attached to in a step of its
      own.
    type: bool
    default: true
  hostname:
    description:
    - Its host name, where it is not its id.
    type: str
    default: ''
  stop_timeout:
    description:
    - Seconds between asking it to stop and killing it.
    type: int
    default: 1
"""

EXAMPLES = r"""
- name: Start alpine1 on test-net
  lab.swarm.container:
    name: alpine1
    image: alpine
    network: test-net
    interactive: true
    tty: true
"""

RETURN = r"""
"""
