"""Callback that ends the links to hosts reached by SSH when the playbook ends."""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.callback import CallbackBase

from lab.hosts import link
from lab.hosts.base import LabPaths, is_lab_name

DOCUMENTATION = """
name: link_end
type: aggregate
author: Swarm Lab
short_description: End the links to the hosts' engines
description:
  - Closes the sockets that the playbook had forwarded, and the SSH connections that carried them.
"""


class CallbackModule(CallbackBase):
    """Lives in Ansible's main process, as long as the playbook."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "lab.swarm.link_end"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._labs: set[str] = set()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Remember of which labs links were made."""
        lab = result._result.get("lab_linked")
        if isinstance(lab, str) and is_lab_name(lab):
            self._labs.add(lab)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """End them."""
        del stats
        for lab in self._labs:
            for stuck in link.close(LabPaths.of(lab), owner=os.getpid()):
                self._display.warning(f"still there: {stuck}")
