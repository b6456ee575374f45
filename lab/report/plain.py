"""Text from terminals made fit for files: no escape sequences, no control characters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
_RETURNS = re.compile(r"\r+\n?")
_NOT_ALLOWED = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 forbids (https://www.w3.org/TR/xml/#charsets) or discourages."""


def plain(text: str) -> str:
    """Return a text without what only a terminal understands; lines end in a line feed."""
    return _NOT_ALLOWED.sub("", _RETURNS.sub("\n", _ESCAPES.sub("", text)))


def plain_value(value: Any) -> Any:
    """Return a value with every text in it made plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {key: plain_value(inner) for key, inner in value.items()}
    return [plain_value(inner) for inner in value] if isinstance(value, list | tuple) else value
