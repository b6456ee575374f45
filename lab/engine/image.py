"""Images of an engine: load from an archive, pull, look (Engine API: /images)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.engine.change import Change, command_line
from lab.engine.client import APIError, Engine, ImageNotFound, reported
from lab.errors import HostUnreachable, LabError

LOADED = "loaded"
_CONFLICT = 409
NO_REGISTRY = "embedded hosts have no route outwards: --images debian, or a directory of archives"


def inspect(engine: Engine, tag: str) -> dict[str, Any] | None:
    """Return ``docker image inspect TAG``; None where the engine has no such image."""
    with reported(f"inspect image {tag}"):
        try:
            inspected: dict[str, Any] = engine.inspect_image(tag)
        except ImageNotFound:
            return None
    return inspected


def _standing(engine: Engine, tags: Sequence[str], label: str) -> dict[str, str]:
    """Return each tag with the value of ``label``, or where none is named with LOADED; "" where absent."""
    found = {tag: inspect(engine, tag) for tag in tags}
    if not label:
        return {tag: LOADED if image else "" for tag, image in found.items()}
    return {tag: ((image or {}).get("Config", {}).get("Labels") or {}).get(label, "") for tag, image in found.items()}


def _identity(engine: Engine, tag: str) -> dict[str, str]:
    found = inspect(engine, tag)
    return {tag: found["Id"] if found else ""}


def ensure_loaded(engine: Engine, archive: Path, wanted: Mapping[str, str], *, label: str, check: bool) -> Change:
    """Make sure that the tags of an archive are in the engine.

    ``wanted`` has a value for each tag: that of ``label`` on an image which need not be loaded again; where no
    label is named, any image of that tag will do.
    """
    command = command_line("docker", "load", "-i", str(archive))
    after = {tag: value or LOADED for tag, value in wanted.items()}
    before = _standing(engine, tuple(wanted), label)
    if before == after:
        return Change(before, before, command)
    actions = tuple(f"load image {tag}" for tag in wanted)
    if check:
        return Change(before, after, command, actions)
    with archive.open("rb") as content, reported(f"load {archive.name}"):
        output = "".join(part.get("stream", "") for part in engine.load_image(content) or ())
    after = _standing(engine, tuple(wanted), label)
    missing = [tag for tag, value in after.items() if not value]
    if missing:
        raise LabError(f"{archive.name} was loaded, but {', '.join(missing)} is not there: {output.strip()}")
    return Change(before, after, command, actions, output.strip())


def ensure_pulled(engine: Engine, tag: str, *, check: bool) -> Change:
    """Make sure that an image of a registry is in the engine; an image of that tag is not pulled again."""
    command = command_line("docker", "pull", tag)
    before = _identity(engine, tag)
    if before[tag]:
        return Change(before, before, command)
    if check:
        return Change(before, {tag: "pulled"}, command, (f"pull image {tag}",))
    try:
        with reported(f"pull {tag}"):
            engine.pull(tag)
    except LabError as error:
        raise HostUnreachable(error.message, hint=NO_REGISTRY) from error
    after = _identity(engine, tag)
    if not after[tag]:
        raise HostUnreachable(f"pull {tag}: the engine does not have it afterwards", hint=NO_REGISTRY)
    return Change(before, after, command, (f"pull image {tag}",))


def ensure_absent(engine: Engine, label: str, *, check: bool) -> Change:
    """Remove all tags of images that bear ``label``; one that somebody's container still uses stays."""
    with reported("list images"):
        found: list[dict[str, Any]] = engine.images(filters={"label": label})
    before = sorted(tag for entry in found for tag in entry["RepoTags"] or ())
    kept = [tag for tag in before if not check and not _removed(engine, tag)]
    gone = [tag for tag in before if tag not in kept]
    command = command_line("docker", "image", "rm", *gone) if gone else ""
    return Change({"images": before}, {"images": kept}, command, tuple(f"remove image {tag}" for tag in gone))


def _removed(engine: Engine, tag: str) -> bool:
    """Remove an image; tell whether it went: one that is in use does not."""
    with reported(f"remove image {tag}"):
        try:
            engine.remove_image(tag)
        except APIError as error:
            if error.status_code != _CONFLICT:
                raise
            return False
    return True
