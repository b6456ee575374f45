"""The command under test, run as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.engine.client import Engine, connect
from lab.hosts import netns
from lab.hosts.base import LabPaths

LAB = Path(sys.executable).with_name("lab")
REPO = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Cli:
    """The command ``lab`` on one lab."""

    lab: str

    @property
    def paths(self) -> LabPaths:
        return LabPaths.of(self.lab)

    def run(self, *arguments: str, env: dict[str, str] | None = None, timeout: float = 180) -> Done:
        """Run a command of the lab to its end."""
        done = subprocess.run(
            [LAB, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd="/",
            env={**os.environ, "LAB_NAME": self.lab, **(env or {})},
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def json(
        self, *arguments: str, code: int | None = 0, env: dict[str, str] | None = None, timeout: float = 180
    ) -> dict:
        """Run a command and return its JSON."""
        done = self.run(*arguments, "--json", "-", env=env, timeout=timeout)
        assert code is None or done.code == code, done.text
        return json.loads(done.out)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own, and return it running."""
        return subprocess.Popen(
            [LAB, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "LAB_NAME": self.lab},
        )

    def engine(self, host: str) -> Engine:
        return connect(self.paths.engine_socket(host))

    def on(self, host: str, script: str) -> Done:
        """Run a shell script on a host."""
        done = subprocess.run(
            [*netns.enter(self.paths, host), "sh", "-c", script],
            capture_output=True,
            text=True,
            check=False,
            env=netns.environment(),
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def outside(self, script: str) -> str:
        """Run a shell script on the lab's segment, from outside its swarm."""
        return netns.from_outside(self.paths, script)


def verdicts(result: dict) -> dict[str, str]:
    """Return each claim of a run's JSON with its verdict."""
    return {claim["id"]: claim["verdict"] for claim in result["claims"]}


def playbook(lab: Cli, *arguments: str) -> Done:
    """Run a playbook on a lab by plain ansible-playbook, in the checkout."""
    done = subprocess.run(
        [LAB.with_name("ansible-playbook"), *arguments, "-e", f"lab_name={lab.lab}"],
        cwd=REPO,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
