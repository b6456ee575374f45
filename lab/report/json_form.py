"""A run as versioned JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lab.errors import InvalidInput
from lab.results import RunResult


def write(result: RunResult, where: str) -> None:
    """Write a result's JSON into a file, or to the standard output where ``where`` is ``-``."""
    text = json.dumps(result.to_json(), indent=2, ensure_ascii=False) + "\n"
    if where == "-":
        sys.stdout.write(text)
        return
    try:
        Path(where).write_text(text)
    except OSError as error:
        raise InvalidInput(f"cannot write {where}: {error.strerror}") from error
