"""Callback that keeps Ansible's forks cheap: a task on a host is a fork, and a lab of hosts makes many."""

from __future__ import annotations

import gc
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: lean_forks
type: aggregate
author: Swarm Lab
short_description: Keep the garbage collector away from what Ansible has loaded
description:
  - Moves everything loaded so far out of the garbage collector's reach before the forks of a play.
    Collections in the forks then do not copy the parent's memory, and the end of the run is not spent on looking
    through it.
options: {}
"""


class CallbackModule(CallbackBase):
    """See gc.freeze() in Python's documentation, which recommends it before forking."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "lab.swarm.lean_forks"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Freeze what the play was built of."""
        del play
        gc.freeze()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Freeze what the run left: the process ends now, and so does its memory."""
        del stats
        gc.freeze()
