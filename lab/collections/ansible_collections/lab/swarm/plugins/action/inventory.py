"""Validate the inventory."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils import inventory as reading
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.inventory import provider_name, validate


class ActionModule(LabAction):
    """Every problem at once, or the lab that the inventory describes."""

    noun = "inventory"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Validate, and return name, segment, addresses, and what is asked of an uplink."""
        del arguments
        source = str(
            self.variables.get("inventory_file")
            or next(iter(self.variables.get("ansible_inventory_sources") or ()), "")
        )
        inventory = reading.read(self.variables, self._templar, source)
        spec = validate(inventory)
        return {
            "changed": False,
            "lab": spec.name,
            "provider": provider_name(inventory),
            "segment": spec.segment,
            "source": source,
            "uplink": spec.uplink,
            "name_servers": list(spec.name_servers),
            "addresses": {host.name: host.address for host in spec.hosts},
        }
