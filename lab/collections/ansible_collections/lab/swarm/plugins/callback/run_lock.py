"""Callback that holds the lab's lock while a playbook changes the lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

from lab.errors import LabError, LabHeld
from lab.hosts import lock
from lab.hosts.base import DEFAULT_LAB, LabPaths

DOCUMENTATION = """
name: run_lock
type: aggregate
author: Swarm Lab
short_description: Hold the lock of a lab while a playbook changes it
description:
  - Takes the lock before the first task of the playbooks C(up), C(down) and C(stage), and gives it back at the end.
  - Where another run holds it, ends the playbook at once with exit code 5, naming that run.
options:
  wait:
    description: Seconds to wait for the lock.
    type: float
    default: 0
    env:
      - name: LAB_WAIT
"""


class CallbackModule(CallbackBase):
    """Lives in Ansible's main process, as long as the playbook."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "lab.swarm.run_lock"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._noun = ""
        self._lock: lock.Lock | None = None

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Remember which playbook runs."""
        self._noun = Path(playbook._file_name).stem

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Take the lock before the first play."""
        if self._lock is not None or self._noun not in lock.CHANGING or context.CLIARGS.get("check"):
            return
        lock.follow_parent()
        try:
            self._lock = lock.acquire(LabPaths.of(_lab_name(play)), f"lab {self._noun}", wait_s=self.get_option("wait"))
        except LabHeld as held:
            self._display.error(str(held))
            raise SystemExit(held.code) from held
        except (LabError, PermissionError) as error:
            self._display.vv(f"no lock taken: {error}")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Give the lock back."""
        del stats
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _lab_name(play: Any) -> str:
    """Return the lab that the play is about: the variable of its first manager, or of the command line."""
    manager = play.get_variable_manager()
    hosts = manager._inventory.get_hosts("managers")
    variables = manager.get_vars(play=play, host=hosts[0] if hosts else None)
    return str(variables.get("lab_name", DEFAULT_LAB))
