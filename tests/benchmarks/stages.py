"""Pairs `lab stage run` with the same tutorial typed by hand (stages.sh), on one lab, and prints the ratios.

Run as root from anywhere::

    .venv/bin/python tests/benchmarks/stages.py [--runs 3] [--quick-ping] [--each]

A pair is: the floor's four stages, then `lab stage run` of the same four in one run; with ``--each`` also every stage
by a command of its own. All times are wall-clock seconds, the command's start and end included. The lab's stages
check every claim; the floor checks its pings only. Exit code 1: a command failed, and its output is shown.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LAB = "bench-stages"
STAGES = ("default-overlay", "user-defined-overlay", "standalone-containers", "container-and-service")
COMMAND = Path(sys.executable).with_name("lab")
FLOOR = Path(__file__).with_name("stages.sh")
RUN = Path(os.environ.get("LAB_RUN_DIR", "/run/swarm-lab")) / LAB


def run(command: Sequence[str]) -> tuple[float, str]:
    """Run a command to its end; return the seconds and what it printed; ends this program where it fails."""
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LAB_NAME": LAB})
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return time.monotonic() - start, done.stdout


def measure(*, quick: bool, each: bool) -> dict[str, tuple[float, float]]:
    """Return, for the whole and (with ``each``) for every stage, the floor's seconds and the lab's."""
    _, told = run([str(FLOOR), str(RUN), *(["-q"] if quick else [])])
    laps = {name: float(seconds) for name, seconds in re.findall(r"^lap (\S+) ([\d.]+)$", told, re.MULTILINE)}
    found = {"all four": (sum(laps.values()), run([str(COMMAND), "stage", "run", *STAGES])[0])}
    for stage in STAGES if each else ():
        found[stage] = (laps[stage], run([str(COMMAND), "stage", "run", stage])[0])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Pair `lab stage run` with the tutorial typed by hand.")
    parser.add_argument("--runs", type=int, default=3, help="pairs to measure (default %(default)s)")
    parser.add_argument("--quick-ping", action="store_true", help="the floor pings as quickly as the stages do")
    parser.add_argument("--each", action="store_true", help="measure every stage alone, too")
    arguments = parser.parse_args()
    run([str(COMMAND), "up"])
    pairs: dict[str, list[tuple[float, float]]] = {}
    try:
        for number in range(1, arguments.runs + 1):
            for name, pair in measure(quick=arguments.quick_ping, each=arguments.each).items():
                pairs.setdefault(name, []).append(pair)
                print(f"{number} {name:<22} floor {pair[0]:6.2f} s, lab {pair[1]:6.2f} s: {pair[1] / pair[0]:.2f}")
                sys.stdout.flush()
    finally:
        subprocess.run([str(COMMAND), "down"], env={**os.environ, "LAB_NAME": LAB}, check=False, capture_output=True)
    for name, found in pairs.items():
        ratios = [lab / floor for floor, lab in found]
        print(f"{name}: median {statistics.median(ratios):.2f} (min {min(ratios):.2f}, max {max(ratios):.2f})")


if __name__ == "__main__":
    main()
