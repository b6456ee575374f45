"""The claims of several runs side by side, from their results files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import InvalidInput
from lab.results import SCHEMA

ENGINES = "create-swarm.engine-version"
"""The claim whose evidence is the version of every host's engine."""

NOT_JUDGED = "-"
"""The verdict of a run that did not come to a claim."""


@dataclass(frozen=True)
class Row:
    """A claim with its verdict in each run, and the reasons that runs gave for skipping it, by run."""

    id: str
    title: str
    verdicts: Sequence[str]
    reasons: Mapping[str, str]

    @property
    def differs(self) -> bool:
        """Whether the runs do not agree."""
        return len(set(self.verdicts)) > 1


@dataclass(frozen=True)
class Comparison:
    """The runs by name, with the engines of each, and their claims in the order of the first run that has them."""

    runs: Sequence[str]
    engines: Sequence[str]
    rows: Sequence[Row]

    def to_json(self) -> dict[str, Any]:
        """Return the versioned form."""
        rows = [
            {
                "id": row.id,
                "title": row.title,
                "verdicts": dict(zip(self.runs, row.verdicts, strict=True)),
                "reasons": dict(row.reasons),
                "differs": row.differs,
            }
            for row in self.rows
        ]
        return {"schema": SCHEMA, "runs": dict(zip(self.runs, self.engines, strict=True)), "claims": rows}


def read(path: Path) -> dict[str, Any]:
    """Return a results file's content; raises InvalidInput where it is none, or of a form not known here."""
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("claims"), list):
        raise InvalidInput(f"{path} holds no results", hint="lab stage run all --json FILE writes them")
    if content.get("schema") != SCHEMA:
        raise InvalidInput(f"{path} has form {content.get('schema')}; this program knows {SCHEMA}")
    return content


def compare(paths: Sequence[Path]) -> Comparison:
    """Return the comparison of results files; a run is called as its file, without what follows the last dot."""
    if len(paths) < 2:
        raise InvalidInput("a comparison needs two results files at least")
    results = {name: read(path) for name, path in zip(names(paths), paths, strict=True)}
    claims: dict[str, dict[str, Mapping[str, Any]]] = {}
    for run, result in results.items():
        for claim in result["claims"]:
            claims.setdefault(claim["id"], {})[run] = claim
    rows = [
        Row(
            id=claim,
            title=str(next(iter(told.values()))["title"]),
            verdicts=[str(told[run]["verdict"]) if run in told else NOT_JUDGED for run in results],
            reasons={run: one["reason"] for run, one in told.items() if one.get("reason")},
        )
        for claim, told in claims.items()
    ]
    return Comparison(list(results), [_engines(result) for result in results.values()], rows)


def names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file, another for each: its stem, or where two have the same the path."""
    stems = [path.stem for path in paths]
    return [stem if stems.count(stem) == 1 else str(path) for stem, path in zip(stems, paths, strict=True)]


def _engines(result: Mapping[str, Any]) -> str:
    """Return the versions of the engines of a run: one where all have the same, else each host's; empty if untold."""
    told = next((claim["evidence"] for claim in result["claims"] if claim["id"] == ENGINES), None)
    if not isinstance(told, dict):
        return ""
    if len(set(told.values())) == 1:
        return str(next(iter(told.values())))
    return ", ".join(f"{version} ({host})" for host, version in told.items())
