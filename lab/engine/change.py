"""What every engine function that changes something returns."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """A thing before and after, what was done in words, and the docker command that a person would type."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    command: str = ""
    actions: Sequence[str] = ()
    output: str = ""
    """What the engine answered, as the docker command would print it."""

    @property
    def changed(self) -> bool:
        """Whether before and after differ."""
        return dict(self.before) != dict(self.after)


def command_line(*words: str) -> str:
    """Return the words as one would type them in a shell; empty words are left out."""
    return shlex.join(word for word in words if word)
