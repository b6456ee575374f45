"""Documentation of the action plugin lab.swarm.docker_engine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine
short_description: Start a host's Docker Engine
description:
- Starts dockerd on a host whose engine does not answer, and returns what the engine says of itself.
- On a host reached by SSH the engine is the host's own; it is installed from the distribution's packages where there is
  none and the inventory allows that, and started by the host's own service manager. One that runs is never restarted.
author:
- Swarm Lab
options:
  state:
    description:
    - C(started) starts it where it does not answer; C(running) only asks.
    type: str
    default: started
    choices:
    - started
    - running
  install:
    description:
    - Whether the distribution's engine may be installed on a host that is reached by SSH and has none.
    type: bool
    default: false
  config:
    description:
    - The daemon's configuration, written to /etc/docker/daemon.json of an embedded host before it starts.
    type: dict
    default: {}
  deadline:
    description:
    - Seconds until the engine has to answer.
    type: int
    default: 30
"""

EXAMPLES = r"""
- name: Start the engine
  lab.swarm.docker_engine:
    config:
      log-level: warn
"""

RETURN = r"""
output:
  description:
  - Version, storage driver and kernel in a line.
  type: str
  returned: success
engine:
  description:
  - Name, id, version, kernel and drivers of the engine.
  type: dict
  returned: success
"""
