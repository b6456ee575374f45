"""The files that a run leaves for others to read: JSON, JUnit XML, a transcript."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.errors import InvalidInput
from lab.results import RunResult
from lab.texts import Catalogue


@dataclass(frozen=True)
class Files:
    """Where each form goes: a path, ``-`` for the standard output, empty for nowhere."""

    json: str = ""
    junit: str = ""
    transcript: str = ""

    @property
    def to_output(self) -> bool:
        """Whether one of them goes to the standard output, which must then hold nothing else."""
        return "-" in (self.json, self.junit, self.transcript)

    def require_places(self) -> None:
        """Raise InvalidInput before the run where a file could not be written after it."""
        named = [where for where in (self.json, self.junit, self.transcript) if where not in ("", "-")]
        problems = tuple(f"{where}: {Path(where).parent} is no directory" for where in named if not _folder(where))
        if [self.json, self.junit, self.transcript].count("-") > 1:
            problems += ("only one form can go to the standard output",)
        if problems:
            raise InvalidInput("the results could not be written", problems=problems)

    def write(self, result: RunResult, words: Catalogue) -> None:
        """Write each form that is asked for; raises InvalidInput where that fails."""
        if self.json:
            from lab.report import json_form

            json_form.write(result, self.json)
        if self.junit:
            from lab.report import junit_form

            junit_form.write(result, self.junit)
        if self.transcript:
            from lab.report import transcript_form

            transcript_form.write(result, self.transcript, words)


def _folder(where: str) -> bool:
    return Path(where).parent.is_dir() and not Path(where).is_dir()
