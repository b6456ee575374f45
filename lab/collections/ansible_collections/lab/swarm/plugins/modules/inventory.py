"""Documentation of the action plugin lab.swarm.inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
module: inventory
short_description: Validate the inventory of a lab
description:
- Judges groups, names, addresses, segment, provider and variables of the whole inventory at once.
- Changes nothing.
author:
- Swarm Lab
options: {}
"""

EXAMPLES = r"""
- name: Validate the inventory
  lab.swarm.inventory:
  register: lab_inventory
"""

RETURN = r"""
lab:
  description:
  - Name of the lab.
  type: str
  returned: success
provider:
  description:
  - How the hosts come to be.
  type: str
  returned: success
remote:
  description:
  - The hosts that are reached by SSH.
  type: list
  elements: str
  returned: success
segment:
  description:
  - The network that the hosts share, as CIDR.
  type: str
  returned: success
addresses:
  description:
  - Each host's IPv4 address on the segment; empty for hosts reached by SSH, whose address C(preflight) finds.
  type: dict
  returned: success
roots:
  description:
  - The host images that the hosts have their roots from.
  type: list
  elements: str
  returned: success
machines:
  description:
  - What each host is to be, where the inventory says it, C(image), C(memory_mib), C(processors) and C(ssh_port).
  type: dict
  returned: success
made:
  description:
  - Hosts that are reached by SSH, and made by the lab.
  type: list
  elements: str
  returned: success
ssh_config:
  description:
  - The file by which ssh reaches them.
  type: str
  returned: success
data_path:
  description:
  - The IPv4 address of the overlays' packets, for hosts where that is another.
  type: dict
  returned: success
uplink:
  description:
  - Whether the hosts are to have a route outwards.
  type: bool
  returned: success
name_servers:
  description:
  - The name servers that the inventory gives to hosts with an uplink.
  type: list
  elements: str
  returned: success
"""
