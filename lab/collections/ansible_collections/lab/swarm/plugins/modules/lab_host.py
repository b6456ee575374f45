"""Documentation of the action plugin lab.swarm.lab_host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_host
short_description: Make or remove the hosts of a lab
description:
- Brings up all hosts of a lab side by side, or removes everything that the lab created.
author:
- Swarm Lab
options:
  provider:
    description:
    - How the hosts come to be.
    type: str
    default: netns
  segment:
    description:
    - The network that the hosts share, as CIDR.
    type: str
    default: ''
  addresses:
    description:
    - Each host's name and IPv4 address on the segment.
    type: dict
    default: {}
  machines:
    description:
    - What a host is to be, where the inventory says it, C(image), C(memory_mib), C(processors) and C(ssh_port).
    type: dict
    default: {}
  routes:
    description:
    - How each host that is reached by SSH is, as C(preflight) tells it.
    type: dict
    default: {}
  source:
    description:
    - The inventory file, for the lab's record.
    type: str
    default: ''
  programs:
    description:
    - Programs that are needed on the hosts; embedded hosts have those of this machine.
    type: list
    elements: str
    default: []
  uplink:
    description:
    - Whether the hosts are to have a route outwards through this machine. Hosts that have one keep it.
    type: bool
    default: false
  name_servers:
    description:
    - The IPv4 name servers of hosts with an uplink; without any, those of this machine.
    type: list
    elements: str
    default: []
  except:
    description:
    - For C(absent), hosts that could not be given back; they stay in the lab's record, and the task fails.
    type: list
    elements: str
    default: []
  force:
    description:
    - For C(absent), forget those too.
    type: bool
    default: false
  state:
    description:
    - C(present) starts what does not run (and remembers what is reached by SSH), C(checked) only makes sure that this
      machine can hold it, C(running) only makes sure that all run, C(recorded) only tells what is recorded of the lab,
      C(absent) removes the lab.
    type: str
    default: present
    choices:
    - present
    - checked
    - running
    - recorded
    - absent
"""

EXAMPLES = r"""
- name: Bring every host up
  lab.swarm.lab_host:
    segment: 198.18.0.0/24
    addresses:
      manager: 198.18.0.11
      worker-1: 198.18.0.12
"""

RETURN = r"""
note:
  description:
  - What a person should know of how the hosts were made.
  type: str
  returned: with state C(present) or C(absent)
addresses:
  description:
  - The hosts and their addresses.
  type: dict
  returned: with state C(running) or C(recorded)
provider:
  description:
  - How the recorded hosts came to be.
  type: str
  returned: with state C(recorded)
remote:
  description:
  - The recorded hosts that are reached by SSH.
  type: list
  elements: str
  returned: with state C(recorded)
hosts:
  description:
  - The hosts that run afterwards, with their addresses.
  type: dict
  returned: success
uplink:
  description:
  - Whether the lab has a route outwards, by its record.
  type: bool
  returned: success
actions:
  description:
  - What was done, in words.
  type: list
  elements: str
  returned: success
"""
