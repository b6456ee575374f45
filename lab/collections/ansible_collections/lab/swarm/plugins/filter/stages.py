"""Filter that turns what a person names into stages of the tutorial."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible.errors import AnsibleFilterError

from lab.errors import LabError
from lab.project import project
from lab.stages import chosen, require_one_to_keep

DOCUMENTATION = """
name: stages
author: Swarm Lab
short_description: Names of stages, in the order in which they are to run
description:
  - Takes names of stages, a list or separated by commas, or C(all) for every one in the tutorial's order, and returns
    the list. Fails on a name that is no stage, telling the nearest ones.
options:
  _input:
    description: Names of stages.
    type: raw
    required: true
  keep:
    description: Whether what the stage makes is to be left up, which is possible for one stage at a time.
    type: bool
    default: false
"""


def stages(names: str | Sequence[str], keep: bool = False) -> list[str]:
    """Return the names of the stages; raises AnsibleFilterError on one that is no stage."""
    asked = names.split(",") if isinstance(names, str) else names
    try:
        found = chosen(project(), [str(name).strip() for name in asked])
        if keep:
            require_one_to_keep(found)
    except LabError as error:
        raise AnsibleFilterError(str(error)) from error
    return [stage.name for stage in found]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return them by name."""
        return {"stages": stages}
