"""Judge a claim: compare what was observed with what is expected."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.claims import claims_result
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.results import judge


class ActionModule(LabAction):
    """The task's name is the claim's title."""

    noun = "claim"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the verdict."""
        title = str(self._task.get_name().rpartition(" : ")[2]).removeprefix("Verify | ")
        check = judge(
            arguments["id"],
            title,
            expected=_numbers(arguments["expected"]),
            observed=_numbers(arguments["observed"]),
            host=self.host,
            waited_s=arguments["waited"],
            skip=arguments["skip"],
            record_only=arguments["record_only"],
            evidence=arguments["evidence"],
        )
        return claims_result([check], self.variables)


def _numbers(value: Any) -> Any:
    """Return a number that came as text as a number: what a template gives is text before ansible-core 2.19."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value
