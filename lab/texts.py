"""All texts for learners, by language: a language is one file in ``catalogues``, and nothing else.

Steps are keyed by their English names, claims by their ids; the English titles of stages, steps and claims are those
of the roles. What a catalogue lacks is told in English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lab.errors import InvalidInput
from lab.project import project
from lab.reading import page
from lab.stages import Stage, stages

CATALOGUES = Path(__file__).parent / "catalogues"
ENGLISH = "en"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")

Texts = Mapping[tuple[str, ...], str]
"""Texts by the path to them: ``("stages", "create-swarm", "title")``."""


@dataclass(frozen=True)
class Catalogue:
    """The texts in one language."""

    language: str
    texts: Texts = field(repr=False)

    def ui(self, key: str, **values: object) -> str:
        """Return a text of the program itself, with values put in; raises KeyError where there is no such text."""
        return self.texts["ui", key].format(**values)

    def verdict(self, verdict: str) -> str:
        """Return the word for a verdict."""
        return self.texts["verdicts", verdict]

    def stage_title(self, name: str, default: str = "") -> str:
        """Return a stage's title; ``default`` is the English one, where it is at hand."""
        return self.texts.get(("stages", name, "title")) or default or _english(name, "title") or name

    def stage_note(self, name: str, default: str | None = None) -> str:
        """Return what there is to say about a stage as a whole, empty where there is nothing."""
        own = self.texts.get(("stages", name, "note"))
        return own or (_english(name, "note") if default is None else default)

    def step_title(self, stage: str, step: str) -> str:
        """Return a step's title."""
        return self.texts.get(("stages", stage, "steps", step, "title"), step)

    def step_why(self, stage: str, step: str) -> str:
        """Return why a step matters and what to look at, empty where the catalogue does not know the step."""
        return self.texts.get(("stages", stage, "steps", step, "why"), "")

    def claim_title(self, claim_id: str, default: str = "") -> str:
        """Return what a claim says; ``default`` is the English title, where it is at hand."""
        stage = claim_id.partition(".")[0]
        own = self.texts.get(("stages", stage, "claims", claim_id))
        return own or default or _english_claim(stage, claim_id) or claim_id


def languages() -> list[str]:
    """Return the languages that have a catalogue."""
    return sorted(path.stem for path in CATALOGUES.glob("*.yml"))


def choose(asked: str, environment: Mapping[str, str]) -> str:
    """Return the language asked for, or else that of the locale; English where neither is known.

    Raises InvalidInput where the language asked for has no catalogue.
    """
    known = languages()
    if asked and asked not in known:
        raise InvalidInput(f"no texts in the language '{asked}'", hint=f"there are {', '.join(known)}")
    locale = next((environment[name] for name in _LOCALE if environment.get(name)), "")
    of_locale = re.split("[_.@]", locale)[0].lower()
    return asked or (of_locale if of_locale in known else ENGLISH)


@cache
def catalogue(language: str) -> Catalogue:
    """Return the texts in a language that ``languages`` lists."""
    return Catalogue(language, {**read(ENGLISH), **read(language)})


@cache
def read(language: str) -> Texts:
    """Return what the catalogue of a language has itself."""
    return dict(_flat(page(CATALOGUES / f"{language}.yml"), ()))


def _flat(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if not isinstance(node, Mapping):
        yield path, str(node)
        return
    for key, inner in node.items():
        yield from _flat(inner, (*path, str(key)))


@cache
def _stages() -> Mapping[str, Stage]:
    return {stage.name: stage for stage in stages(project())}


def _english(name: str, what: str) -> str:
    """Return the title or the note that a stage's role gives it."""
    stage = _stages().get(name)
    return str(getattr(stage, what)) if stage else ""


def _english_claim(stage: str, claim_id: str) -> str:
    known = _stages().get(stage)
    return next((claim.title for claim in known.claims if claim.id == claim_id), "") if known else ""
