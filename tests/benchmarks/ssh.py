"""What SSH costs: ``lab up`` on hosts whose engines run, beside the same part of ``lab up`` on embedded hosts.

Run as root, with nothing else on the machine: ``.venv/bin/python tests/benchmarks/ssh.py --hosts 3 --runs 3``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from lab.hosts.base import LabPaths, state_home
from tests.integration.command import LAB
from tests.integration.remote import USER, Remote, prepare

BEFORE = ("lab_host", "docker_engine")
"""Parts of an embedded ``up`` that hosts which run already do not have: making hosts, starting engines."""


def names(count: int) -> list[str]:
    return ["manager", *(f"worker-{number}" for number in range(1, count))]


def rest(result: dict) -> float:
    """Return the seconds of a run without those in which hosts and engines came to be."""
    return result["took_s"] - sum(took for part, took in result["parts"].items() if part in BEFORE)


def embedded(folder: Path, count: int) -> tuple[float, float]:
    """Bring up and down embedded hosts; return the seconds of what hosts that are there need too, and of all."""
    hosts = {"managers": {"hosts": {"manager": None}}, "workers": {"hosts": dict.fromkeys(names(count)[1:])}}
    common = {"lab_provider": "netns", "ansible_connection": "lab.swarm.netns"}
    path = folder / "embedded.yml"
    path.write_text(json.dumps({"all": {"vars": common, "children": hosts}}))
    done = subprocess.run(
        [LAB, "up", "--lab", "bench-embedded", "-i", path, "--json", "-"], capture_output=True, text=True, check=True
    )
    subprocess.run([LAB, "down", "--lab", "bench-embedded"], capture_output=True, check=True)
    result = json.loads(done.stdout)
    return rest(result), result["took_s"]


def remote(layer: Path, folder: Path, count: int, *, sudo: bool) -> tuple[float, float, int]:
    """Bring up and down hosts by SSH; return the seconds of a first and of a second up, and the most connections.

    With ``sudo`` the user is not in the group docker.
    """
    made = Remote(LabPaths.of("bench-remote"), layer, folder, lab="bench-ssh")
    try:
        made.start(*names(count))
        for name in () if sudo else names(count):
            made.on(name, f"usermod -aG docker {USER}")
        hosts = str(made.inventory(["manager"], names(count)[1:]))
        first = made.json("up", "-i", hosts, timeout=600)
        connections = max(made.connections(name) for name in names(count))
        second = made.json("up", "-i", hosts, timeout=600)
        made.run("down", timeout=600)
        return first["took_s"], second["took_s"], connections
    finally:
        made.end()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hosts", type=int, default=3)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--sudo", action="store_true", help="reach the engines by sudo")
    asked = options.parse_args()
    layer = state_home().with_name("swarm-lab-bench-layer")
    ratios = []
    prepare(layer)
    try:
        for number in range(asked.runs):
            with tempfile.TemporaryDirectory() as folder:
                same, whole = embedded(Path(folder), asked.hosts)
                first, second, connections = remote(layer, Path(folder), asked.hosts, sudo=asked.sudo)
            ratios.append(first / same)
            print(
                f"run {number + 1}: embedded {same:.2f} s of {whole:.2f} s, ssh {first:.2f} s, again {second:.2f} s; "
                f"ratio {first / same:.2f}; connections a host {connections}"
            )
    finally:
        shutil.rmtree(layer)
    print(f"{asked.hosts} hosts: ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
