"""Room on this machine, looked at before anything is made: disk and memory."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.errors import MachineLacks


def require_disk(place: Path, mib: int, purpose: str, variable: str) -> None:
    """Raise MachineLacks where fewer MiB are free than ``purpose`` needs; ``variable`` names another place.

    What is looked at is the nearest directory to ``place`` that is there.
    """
    folder = next(parent for parent in (place, *place.parents) if parent.is_dir())
    free = shutil.disk_usage(folder).free >> 20
    if free < mib:
        raise MachineLacks(
            f"{free} MiB free below {folder}, {mib} MiB needed {purpose}",
            hint=f"free some space, or name another place in {variable}",
        )


def require_memory(mib: int, purpose: str, hint: str) -> None:
    """Raise MachineLacks where fewer MiB of memory are available (proc(5), meminfo) than ``purpose`` needs."""
    told = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(told["MemAvailable"].split()[0]) >> 10
    if mib > available:
        raise MachineLacks(f"{available} MiB of memory are free, {mib} MiB needed {purpose}", hint=hint)
