"""Validate the inventory."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils import inventory as reading
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.hosts import state, vm
from lab.hosts.base import HostSpec
from lab.hosts.providers import REMOTE
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
        provider, members = provider_name(inventory), [host.name for host in spec.hosts]
        return {
            "changed": False,
            "lab": spec.name,
            "provider": provider,
            "remote": members if provider in REMOTE else [],
            "made": members if provider == "vm" else [],
            "ssh_config": str(vm.ssh_config(self.paths)),
            "segment": spec.segment,
            "source": source,
            "uplink": spec.uplink,
            "name_servers": list(spec.name_servers),
            "addresses": self._recorded(members) if provider == "ssh" else {h.name: h.address for h in spec.hosts},
            "roots": list(dict.fromkeys(host.image for host in spec.hosts if host.image)),
            "machines": {host.name: _machine(host) for host in spec.hosts},
            "data_path": {},
        }

    def _recorded(self, members: list[str]) -> dict[str, str]:
        """Return the addresses that the lab's record has for hosts that are reached by SSH."""
        known = state.read(self.paths)
        return {host: known.hosts[host] for host in members if known and host in known.hosts}


def _machine(host: HostSpec) -> dict[str, Any]:
    """Return what the inventory says of the machine that a host is to be."""
    said = {
        "image": host.image,
        "memory_mib": host.memory_mib,
        "processors": host.processors,
        "ssh_port": host.ssh_port,
    }
    return {name: value for name, value in said.items() if value}
