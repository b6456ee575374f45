"""Where a report goes: into a file, or to the standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.errors import InvalidInput


def write(text: str, where: str) -> None:
    """Write a text into a file, or to the standard output where ``where`` is ``-``; raises InvalidInput."""
    if where == "-":
        sys.stdout.write(text)
        return
    try:
        Path(where).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write {where}: {error.strerror}") from error
