"""The ping matrix: from a container on one host to those on the others, by name, in one exec.

Written for busybox's ping and shell, which alpine's image has too.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from lab.engine import container
from lab.engine.client import Engine

COUNT = 2
_MARK = "== "
_LOSS = re.compile(r"(\d+) packets transmitted, (\d+) packets received")
_TIMES = re.compile(r"min/avg/max = ([\d.]+)/([\d.]+)/([\d.]+) ms")
_ADDRESS = re.compile(r"^PING \S+ \(([\d.]+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Ping:
    """The outcome of pinging one peer: packets sent and received, average round trip in milliseconds."""

    target: str
    address: str
    sent: int
    received: int
    rtt_ms: float
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether every packet came back."""
        return self.sent > 0 and self.sent == self.received


def script(names: Sequence[str], count: int = COUNT) -> str:
    """Return a shell script that pings all names at once and prints each outcome under its name."""
    quick = f"ping -c {count} -i 0.2 -W 2 -w 10"
    return f"""
for name in {" ".join(names)}; do
	{{ {quick} $name >/tmp/ping.$name 2>&1 || :; }} &
done
wait
for name in {" ".join(names)}; do
	echo "{_MARK}$name"
	cat /tmp/ping.$name
done
"""


def parse(text: str) -> list[Ping]:
    """Return the outcomes in the output of ``script``."""
    found = []
    for part in text.split(_MARK)[1:]:
        name, _, body = part.partition("\n")
        counts, times, address = _LOSS.search(body), _TIMES.search(body), _ADDRESS.search(body)
        sent, received = (int(counts[1]), int(counts[2])) if counts else (0, 0)
        error = "" if counts else " ".join(body.split())
        found.append(
            Ping(
                name.strip(),
                address[1] if address else "",
                sent,
                received,
                float(times[2]) if times else 0.0,
                error,
            )
        )
    return found


def ping(engine: Engine, source: str, names: Sequence[str], deadline_s: float) -> tuple[list[Ping], float]:
    """Ping each name from the container ``source`` until all answered once without loss, or the deadline passed.

    A name of another host resolves only after the hosts' gossip brought it, so the first tries may fail.
    Returns the last outcome of each, in the order of ``names``, and the seconds waited.
    """
    start = time.monotonic()
    done: dict[str, Ping] = {}
    while True:
        left = [name for name in names if name not in done or not done[name].passed]
        output = container.execute(engine, source, ["sh", "-c", script(left)])
        done.update({outcome.target: outcome for outcome in parse(output.text)})
        waited = time.monotonic() - start
        if all(name in done and done[name].passed for name in names) or waited > deadline_s:
            return [done.get(name, Ping(name, "", 0, 0, 0.0, output.text.strip())) for name in names], waited
        time.sleep(0.05)
