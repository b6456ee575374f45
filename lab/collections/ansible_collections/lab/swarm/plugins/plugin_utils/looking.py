"""Looking at several engines at once, in the order in which they are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lab.errors import LabError

Found = TypeVar("Found")


def side_by_side(hosts: Sequence[str], look: Callable[[str], Found]) -> dict[str, Found]:
    """Return what ``look`` finds on each host; an error of one host's bears its name."""

    def look_at(host: str) -> Found:
        try:
            return look(host)
        except LabError as error:
            error.host = error.host or host
            raise

    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(hosts, pool.map(look_at, hosts), strict=True))
