"""Pairs `lab up` with the floor, the same job done by hand (floor.sh), and prints the ratio.

Run as root from anywhere::

    .venv/bin/python tests/benchmarks/bench.py [--runs 5] [--hosts N] [--lab-command lab] [--quick-ping] [--json FILE]

One run is: ``lab --help``, the floor, ``lab up`` from nothing, ``lab up`` again, ``lab down``. The two sides
alternate, so that whatever else the machine does meets both. All times are wall-clock seconds; the floor's are
its own laps, which leave out the making of the images. Exit code 1: a command failed, and its output is shown.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

LAB = "bench"
DEFAULT_HOSTS = 3
FLOOR = Path(__file__).with_name("floor.sh")
CGROUPS = Path("/sys/fs/cgroup")
SCHEMA = 1

RATIOS = {"up": ("lab up", "floor total"), "down": ("lab down", "floor down")}
"""What is compared, pair by pair: dividend and divisor, each the name of a figure."""

_LAP = re.compile(r"^lap (\S+) +([\d.]+)$", re.MULTILINE)
_MEMORY = re.compile(r"^memory (\S+) +(\d+)$", re.MULTILINE)


class CommandFailed(Exception):
    """A command ended with another exit code than 0, or did not print what it has to."""

    def __init__(self, command: Sequence[str], reason: str, output: str) -> None:
        """Keep the command, what is wrong, and all that it printed."""
        super().__init__(f"{shlex.join(command)}: {reason}\n{output}".rstrip())


@dataclass(frozen=True)
class Outcome:
    """What a command that ended well printed (both streams), and the seconds that it took."""

    output: str
    seconds: float


@dataclass
class Measured:
    """All that was measured: for each figure its seconds run by run, for each side the MiB of its hosts."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, figure: str, seconds: float) -> None:
        """Add one run's value to a figure."""
        self.seconds.setdefault(figure, []).append(seconds)

    def add_memory(self, side: str, hosts: Mapping[str, int]) -> None:
        """Keep, for every host of a side, the most that any run needed."""
        known = self.memory.setdefault(side, {})
        for host, mib in hosts.items():
            known[host] = max(mib, known.get(host, 0))

    def ratios(self, name: str) -> list[float]:
        """Return one of RATIOS, pair by pair."""
        dividends, divisors = (self.seconds[figure] for figure in RATIOS[name])
        return [dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True)]


def run(command: Sequence[str]) -> Outcome:
    """Run a command to its end; raises CommandFailed.

    When this program is to end in the meantime, the command gets the time to clean up after itself.
    """
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except OSError as error:
        raise CommandFailed(command, error.strerror or str(error), "") from error
    try:
        output, _ = process.communicate()
    except BaseException:
        process.terminate()
        process.communicate()
        raise
    if process.returncode != 0:
        raise CommandFailed(command, f"exit code {process.returncode}", output)
    return Outcome(output, time.monotonic() - start)


def measure_floor(measured: Measured, hosts: int, *, quick_ping: bool) -> None:
    """Run the floor once and take over its laps."""
    command = [str(FLOOR), "-n", str(hosts), *(["-q"] if quick_ping else [])]
    outcome = run(command)
    laps = {name: float(seconds) for name, seconds in _LAP.findall(outcome.output)}
    if not {"total", "down"} <= laps.keys():
        raise CommandFailed(command, "printed no lap 'total' or 'down'", outcome.output)
    for name, seconds in laps.items():
        measured.add(f"floor {name}", seconds)
    measured.add_memory("floor", {host: int(mib) for host, mib in _MEMORY.findall(outcome.output)})


def measure_lab(measured: Measured, lab: Sequence[str], inventory: Path | None) -> None:
    """Run one round of the lab: up from nothing, up again, down."""
    up = [*lab, "up", *(["-i", str(inventory)] if inventory else []), "--lab", LAB]
    measured.add("lab up", run(up).seconds)
    measured.add_memory("lab", lab_memory())
    measured.add("lab up again", repeated(up).seconds)
    measured.add("lab down", run(down(lab)).seconds)


def down(lab: Sequence[str]) -> list[str]:
    """Return the command that removes the lab; it does no harm where there is none."""
    return [*lab, "down", "--lab", LAB]


def repeated(up: Sequence[str]) -> Outcome:
    """Run `lab up` where all is up already; what it must show is judged here: so far, that it ends with 0."""
    return run(up)


def lab_memory() -> dict[str, int]:
    """Return the most MiB that the control group of each of the lab's hosts held, page cache included."""
    knobs = {
        **{path.parent.name: path for path in CGROUPS.glob(f"swarm-lab/{LAB}/*/memory.peak")},
        **{path.parent.name: path for path in CGROUPS.glob(f"memory/swarm-lab/{LAB}/*/memory.max_usage_in_bytes")},
    }
    return {host: int(knob.read_text()) >> 20 for host, knob in sorted(knobs.items()) if not host.startswith(".")}


@contextmanager
def inventory_of(hosts: int) -> Iterator[Path | None]:
    """Give the path of an inventory with so many hosts, in a temporary file; None for the lab's default number."""
    if hosts == DEFAULT_HOSTS:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "inventory.yml"
        path.write_text(inventory_text(hosts))
        yield path


def inventory_text(hosts: int) -> str:
    """Return an inventory of embedded hosts: one manager, the others workers."""
    return f"""\
---
all:
  vars:
    ansible_connection: lab.swarm.netns
    lab_provider: netns
  children:
    managers:
      hosts:
        manager:
    workers:
      hosts:
        "worker-[1:{hosts - 1}]":
"""


@contextmanager
def lab_removed_on_failure(lab: Sequence[str]) -> Iterator[None]:
    """Remove the lab where a round of it does not end by itself."""
    try:
        yield
    except BaseException:
        with suppress(CommandFailed):
            run(down(lab))
        raise


def table(measured: Measured) -> str:
    """Return every figure with its minimum, median and maximum."""
    lines = [f"{'seconds':<18}{'min':>9}{'median':>9}{'max':>9}"]
    for figure, values in measured.seconds.items():
        lines.append(f"{figure:<18}{min(values):>9.3f}{statistics.median(values):>9.3f}{max(values):>9.3f}")
    return "\n".join(lines)


def ratio_lines(measured: Measured) -> str:
    """Return every ratio pair by pair, with its median."""
    lines = []
    for name, (dividend, divisor) in RATIOS.items():
        values = measured.ratios(name)
        pairs = " ".join(f"{value:.2f}" for value in values)
        lines.append(f"{dividend} / {divisor}: {pairs}  median {statistics.median(values):.2f}")
    return "\n".join(lines)


def memory_lines(measured: Measured, *, per_host: bool) -> str:
    """Return the memory of the hosts of both sides in MiB: the range, and with ``per_host`` each one."""
    lines = []
    for side, hosts in measured.memory.items():
        if not hosts:
            lines.append(f"memory a host, {side}: not counted on this machine")
            continue
        values = list(hosts.values())
        lines.append(
            f"memory a host, {side}: min {min(values)} median {statistics.median(values):.0f} max {max(values)} MiB"
        )
        if per_host:
            lines.append("  " + ", ".join(f"{host} {mib}" for host, mib in hosts.items()))
    return "\n".join(lines)


def as_json(measured: Measured, arguments: argparse.Namespace) -> str:
    """Return all figures as JSON text; seconds and MiB."""
    figures = {
        name: {"values": values, "min": min(values), "median": statistics.median(values), "max": max(values)}
        for name, values in measured.seconds.items()
    }
    ratios = {
        name: {"values": measured.ratios(name), "median": statistics.median(measured.ratios(name))} for name in RATIOS
    }
    content = {
        "schema": SCHEMA,
        "hosts": arguments.hosts,
        "runs": arguments.runs,
        "quick_ping": arguments.quick_ping,
        "seconds": figures,
        "ratios": ratios,
        "memory_mib": measured.memory,
    }
    return json.dumps(content, indent=2) + "\n"


def parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description="Pair `lab up` with the same job done by hand.")
    parser.add_argument("--runs", type=int, default=5, help="pairs to measure (default %(default)s)")
    parser.add_argument("--hosts", type=int, default=DEFAULT_HOSTS, help="2 to 30 (default %(default)s)")
    beside = str(Path(sys.executable).with_name("lab"))
    parser.add_argument(
        "--lab-command", type=shlex.split, default=[beside], help="how to call lab (default: beside this Python)"
    )
    parser.add_argument("--quick-ping", action="store_true", help="the floor pings as quickly as lab does")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    arguments = parser.parse_args(words)
    if arguments.runs < 1:
        parser.error("--runs: at least 1")
    if not 2 <= arguments.hosts <= 30:
        parser.error("--hosts: 2 to 30")
    return arguments


def say(text: str) -> None:
    """Print, at once also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def measure(arguments: argparse.Namespace) -> Measured:
    """Run all pairs, telling after each how it went."""
    measured, lab = Measured(), arguments.lab_command
    run(down(lab))  # what an earlier, interrupted run may have left: `lab up` is to start from nothing
    with inventory_of(arguments.hosts) as inventory:
        for pair in range(1, arguments.runs + 1):
            measured.add("lab --help", run([*lab, "--help"]).seconds)
            measure_floor(measured, arguments.hosts, quick_ping=arguments.quick_ping)
            with lab_removed_on_failure(lab):
                measure_lab(measured, lab, inventory)
            last = {figure: values[-1] for figure, values in measured.seconds.items()}
            load = os.getloadavg()[0]
            say(f"pair {pair}: floor {last['floor total']:.2f} s, lab {last['lab up']:.2f} s, load {load:.1f}")
    return measured


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    arguments = parse_arguments(words)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        measured = measure(arguments)
    except CommandFailed as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    say(table(measured))
    say(ratio_lines(measured))
    say(memory_lines(measured, per_host=arguments.hosts > DEFAULT_HOSTS))
    if arguments.json:
        arguments.json.write_text(as_json(measured, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
