"""Looking again and again, until what is seen is as it should be or a deadline has passed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")


def until(
    look: Callable[[], Seen], holds: Callable[[Seen], bool], *, deadline_s: float, every_s: float
) -> tuple[Seen, float]:
    """Return what ``look`` saw last, and the seconds waited; looks once at least.

    Reaching the deadline is no error here: the caller compares what is there with what it expects.
    """
    start = time.monotonic()
    while True:
        seen = look()
        waited = time.monotonic() - start
        if holds(seen) or waited > deadline_s:
            return seen, waited
        time.sleep(every_s)
