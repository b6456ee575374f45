"""Breaking the thing that a claim is about, in the middle of a stage."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.command import LAB, Cli, Done

PLUGINS = Path(__file__).parent / "plugins" / "callback"

_TOOLS = """
set -eu
d() { local host=$1; shift; docker -H unix://$RUN/$host/docker.sock "$@"; }
on() { local host=$1; shift; "$LAB" shell "$host" -- sh -ec "$*"; }
soon() {
	local n=0
	until eval "$*"; do
		n=$((n + 1))
		[ $n -lt 300 ] || { echo "never: $*"; exit 1; }
		sleep 0.05
	done
}
container_of() { d "$1" ps -q --filter label=com.docker.swarm.service.name="$2" | head -n 1; }
node_of() { d manager service ps "$1" --filter desired-state=running --format '{{.Node}}' | head -n 1; }
own() { echo --label swarm-lab.lab=$LAB_NAME --label swarm-lab.stage=$STAGE; }
intruder() {
	d manager service create -d -q --no-resolve-image --name "$1" --network "$2" --constraint node.hostname=="$3" \
		swarm-lab/nginx:debian >/dev/null
	soon '[ -n "$(container_of '"$3 $1"')" ]'
}
"""


@dataclass(frozen=True)
class Mutation:
    """What is broken when a task begins, the claims that have to notice, and what makes it good again later."""

    claims: Sequence[str]
    task: str
    script: str
    good_again: dict[str, str] = field(default_factory=dict)


def run(lab: Cli, stage: str, mutations: Sequence[Mutation], folder: Path, *options: str) -> tuple[dict, list[dict]]:
    """Run a stage with its mutations; return the run's JSON, and what each script did."""
    scripts: dict[str, list[str]] = {}
    for mutation in mutations:
        scripts.setdefault(mutation.task, []).append(mutation.script)
        for task, script in mutation.good_again.items():
            scripts.setdefault(task, []).insert(0, script)
    plan = folder / "plan.json"
    plan.write_text(
        json.dumps({task: _TOOLS + "\n".join(map(textwrap.dedent, parts)) for task, parts in scripts.items()})
    )
    done = _run(lab, stage, plan, options)
    assert plan.with_suffix(".done").exists(), done.text
    told = [json.loads(line) for line in plan.with_suffix(".done").read_text().splitlines()]
    failed = [entry for entry in told if entry["status"] != 0]
    assert not failed, failed
    assert {entry["task"] for entry in told} == set(scripts), done.text
    return json.loads(done.out), told


def _run(lab: Cli, stage: str, plan: Path, options: Sequence[str]) -> Done:
    return lab.run(
        "stage",
        "run",
        stage,
        "--json",
        "-",
        *options,
        env={
            "ANSIBLE_CALLBACKS_ENABLED": "lab.swarm.run_lock,lab.swarm.lean_forks,saboteur",
            "ANSIBLE_CALLBACK_PLUGINS": str(PLUGINS),
            "LAB_SABOTAGE": str(plan),
            "LAB": str(LAB),
            "RUN": str(lab.paths.run),
            "STAGE": stage,
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        },
    )


def failures(result: dict) -> dict[str, dict]:
    """Return each claim of a run's JSON that failed."""
    return {claim["id"]: claim for claim in result["claims"] if claim["verdict"] == "fail"}
