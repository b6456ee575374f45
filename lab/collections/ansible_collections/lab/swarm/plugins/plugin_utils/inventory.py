"""The inventory as Ansible read it, in the form that lab.inventory judges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.inventory import Inventory, known_variables


def read(variables: Mapping[str, Any], templar: Any, source: str) -> Inventory:
    """Return groups and variables out of a task's variables; the lab's own variables are templated."""
    groups = {name: list(members) for name, members in variables["groups"].items()}
    members = [*groups.get("managers", ()), *groups.get("workers", ())]
    return Inventory(groups, {host: _variables(variables["hostvars"], host, templar) for host in members}, source)


def _variables(hostvars: Any, host: str, templar: Any) -> dict[str, Any]:
    raw = hostvars.raw_get(host)
    known = known_variables()
    return {name: templar.template(raw[name]) if name in known else raw[name] for name in raw}
