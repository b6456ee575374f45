"""Callback for tests: runs a shell script when a task of a given name begins, before any host takes it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: saboteur
type: aggregate
author: Swarm Lab
short_description: Break something at a given task
description:
  - E(LAB_SABOTAGE) names a JSON file with task names and the shell scripts to run as these tasks begin. What each
    script printed and its exit status is written beside that file, so that a test can tell that it did its work.
options: {}
"""


class CallbackModule(CallbackBase):
    """Runs in Ansible's main process, which waits for the script."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "saboteur"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._plan = Path(os.environ["LAB_SABOTAGE"])
        self._scripts: dict[str, str] = json.loads(self._plan.read_text())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Run the task's script, once."""
        del is_conditional
        name = str(task.get_name()).rpartition(" : ")[2]
        script = self._scripts.pop(name, None)
        if script is None:
            return
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)
        told = {"task": name, "status": done.returncode, "output": done.stdout + done.stderr}
        with self._plan.with_suffix(".done").open("a") as record:
            record.write(json.dumps(told) + "\n")
