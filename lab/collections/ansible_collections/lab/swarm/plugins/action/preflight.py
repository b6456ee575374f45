"""Judge over all hosts at once, before anything is changed on any of them."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils import inventory as reading
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.errors import HostUnreachable, InvalidInput
from lab.hosts import preflight, survey
from lab.hosts.preflight import EngineFacts, Wish
from lab.inventory import Inventory


class ActionModule(LabAction):
    """Every problem of every host, or each host's addresses."""

    noun = "preflight"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Refuse with a line for each problem, or return what the other roles need to know of the hosts."""
        told: dict[str, dict[str, Any]] = arguments["surveys"]
        inventory = reading.read(self.variables, self._templar, "")
        silent = [f"{host}: {one['problem']}" for host, one in told.items() if one["problem"]]
        asked = {host: one for host, one in told.items() if not one["problem"]}
        surveys = {host: survey.from_json(one["survey"]) for host, one in asked.items()}
        engines = {
            host: EngineFacts(one["engine"]["version"], one["engine"]["engine_id"], one["engine"]["live_restore"])
            for host, one in asked.items()
            if one["engine"]
        }
        given: dict[str, str] = arguments["addresses"]
        wishes = {
            host: _wish(inventory, host, password=asked[host]["password"], given=given.get(host, ""))
            for host in surveys
        }
        own = next((one["engine"]["own_cluster"] for one in asked.values() if one["engine"].get("own_cluster")), "")
        leave = str(inventory.of(inventory.members()[0], "swarm_foreign", "refused")) == "left"
        pools = inventory.of(inventory.members()[0], "swarm_address_pools") or preflight.POOLS
        found = preflight.problems(surveys, wishes, pools=pools, engines=engines, own_cluster=own, leave_others=leave)
        found += [
            f"{host}: its engine does not answer: {one['engine_problem']}"
            for host, one in asked.items()
            if one.get("engine_problem")
        ]
        if silent or found:
            raise self._refusal(silent, found)
        chosen = preflight.addresses(surveys, wishes)
        return {
            "changed": False,
            "lab": self.paths.name,
            "addresses": {host: one.advertise for host, one in chosen.items()},
            "data_path": {host: one.data_path for host, one in chosen.items() if one.data_path != one.advertise},
            "routes": {host: one["route"] for host, one in asked.items()},
        }

    def _refusal(self, silent: list[str], found: list[str]) -> Exception:
        problems = (*silent, *found)
        message = f"{len(problems)} problem{'s' * (len(problems) > 1)} with the hosts; nothing was changed on any"
        kind = InvalidInput if found else HostUnreachable
        return kind(message, problems=problems)


def _wish(inventory: Inventory, host: str, *, password: bool, given: str) -> Wish:
    def text(name: str) -> str:
        return str(inventory.of(host, name) or "")

    return Wish(
        advertise_address=given or text("advertise_address"),
        advertise_interface=text("advertise_interface"),
        data_path_address=text("data_path_address"),
        docker_engine_install=text("docker_engine_install").lower() in {"true", "yes", "1"},
        manager=host in inventory.groups.get("managers", ()),
        become_password=password,
        become=text("ansible_become").lower() in {"true", "yes", "1"},
    )
