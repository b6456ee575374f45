"""Playbooks, run as one would without the command ``lab``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.command import REPO, Done

PROGRAMS = Path(sys.executable).parent


def write(folder: Path, host: str, *tasks: Mapping[str, Any]) -> Path:
    """Write a play of a host's tasks; JSON is YAML."""
    path = folder / "play.yml"
    path.write_text(json.dumps([{"name": "Play", "hosts": host, "gather_facts": False, "tasks": tasks}]))
    return path


def play(*arguments: str, lab: str, home: Path, **environment: str) -> Done:
    """Run a playbook to its end."""
    own = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"),
        "ANSIBLE_HOME": str(home / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        ["ansible-playbook", "-e", f"lab_name={lab}", *arguments],
        cwd=REPO,
        env={**os.environ, **own, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
