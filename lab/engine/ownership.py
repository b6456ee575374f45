"""Whose a thing in an engine is: the lab's, of one of its stages, or somebody else's."""

from __future__ import annotations

from collections.abc import Mapping

from lab.errors import InvalidInput

OWNER_LABEL = "swarm-lab.lab"
"""The label, with the lab's name as its value, on everything that a lab creates in an engine."""

STAGE_LABEL = "swarm-lab.stage"
"""The label, with the stage's name as its value, on everything that a stage creates."""


def labels(lab: str, stage: str = "") -> dict[str, str]:
    """Return the labels of a thing that the lab (or one of its stages) creates."""
    return {OWNER_LABEL: lab, **({STAGE_LABEL: stage} if stage else {})}


def filters(lab: str, stage: str = "") -> dict[str, list[str]]:
    """Return the engine's filter for the things of a lab, or of one of its stages."""
    return {"label": [f"{key}={value}" for key, value in labels(lab, stage).items()]}


def complaint(found: Mapping[str, str] | None, kind: str, name: str, lab: str, stage: str = "") -> str:
    """Return why a thing with the labels ``found`` is not to be touched; empty where it is the lab's (and stage's)."""
    found = found or {}
    if found.get(OWNER_LABEL) != lab:
        return f"a {kind} '{name}' exists that is not this lab's"
    if stage and found.get(STAGE_LABEL) not in (None, stage):
        return f"a {kind} '{name}' exists that stage {found[STAGE_LABEL]} keeps"
    return ""


def require_own(found: Mapping[str, str] | None, kind: str, name: str, lab: str, stage: str = "") -> None:
    """Raise InvalidInput unless a thing with the labels ``found`` is the lab's, and of no other stage."""
    wrong = complaint(found, kind, name, lab, stage)
    if wrong:
        raise InvalidInput(wrong, hint=remedy(found, lab))


def remedy(found: Mapping[str, str] | None, lab: str) -> str:
    """Return what to do about a thing that is in the way."""
    found = found or {}
    if found.get(OWNER_LABEL) == lab and found.get(STAGE_LABEL):
        return f"lab stage clean {found[STAGE_LABEL]}"
    return "rename or remove it; nothing was changed"
