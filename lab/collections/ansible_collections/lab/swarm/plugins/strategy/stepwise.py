"""Strategy for learners: Ansible's linear one, which can go back to the step before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.strategy.linear import StrategyModule as Linear

DOCUMENTATION = """
name: stepwise
author: Swarm Lab
short_description: Run tasks in lockstep, and a step again where a task asks for that
description:
  - Works as the C(linear) strategy. A task whose result bears C(lab_stepped) is a step; one whose result bears
    C(lab_rewind) did nothing, and makes the strategy go back to the step before it, with all the checks that follow.
"""


class StrategyModule(Linear):
    """Remembers, for each step, where all hosts stood before it."""

    def __init__(self, tqm: Any) -> None:
        super().__init__(tqm)
        self._here: tuple[dict[str, Any], int] = ({}, 0)
        self._steps: list[tuple[dict[str, Any], int]] = []
        self._goes_back = False

    def _get_next_task_lockstep(self, hosts: list[Any], iterator: Any) -> Any:
        """Go back if a task asked for it; then take the next task as usual."""
        if self._goes_back and self._steps:
            states, place = self._steps.pop()
            for name, state in states.items():
                iterator.set_state_for_host(name, state)
            iterator.cur_task = place
        self._goes_back = False
        states = {host.name: iterator.get_state_for_host(host.name).copy() for host in hosts}
        self._here = (states, iterator.cur_task)
        return super()._get_next_task_lockstep(hosts, iterator)

    def _process_pending_results(self, iterator: Any, *arguments: Any, **options: Any) -> Any:
        """Note which tasks were steps, and which asked to go back."""
        results = super()._process_pending_results(iterator, *arguments, **options)
        for found in map(_told, results):
            if found.get("lab_rewind"):
                self._goes_back = True
            elif found.get("lab_stepped") and self._here not in self._steps[-1:]:
                self._steps.append(self._here)
        return results


def _told(result: Any) -> Mapping[str, Any]:
    """Return what a task's result says, whichever of its items says it."""
    told = getattr(result, "_return_data", None) or getattr(result, "_result", {})
    items = [item for item in told.get("results") or () if isinstance(item, Mapping)]
    marks = ("lab_rewind", "lab_stepped")
    return {mark: True for mark in marks if any(entry.get(mark) for entry in (told, *items))}
