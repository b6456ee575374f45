"""A run as versioned JSON."""

from __future__ import annotations

import json

from lab.report import place
from lab.results import RunResult


def write(result: RunResult, where: str) -> None:
    """Write a result's JSON into a file, or to the standard output where ``where`` is ``-``; raises InvalidInput."""
    place.write(json.dumps(result.to_json(), indent=2, ensure_ascii=False) + "\n", where)
