"""What an engine has that is not the lab's: containers, networks, volumes, images, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.engine.client import Engine, reported
from lab.engine.debian_images import SOURCE_LABEL
from lab.engine.ownership import OWNER_LABEL

BUILT_IN = frozenset({"bridge", "host", "none", "docker_gwbridge", "ingress"})
"""Networks that engines and swarms make by themselves."""


def of_others(engine: Engine, lab: str) -> dict[str, list[str]]:
    """Return what of the engine's is not the lab's, as name and id; a container with its state.

    Overlays are left out: a host sees one only while a container of its own is on it.
    """
    with reported("list what the engine has"):
        containers: list[dict[str, Any]] = engine.containers(all=True)
        networks: list[dict[str, Any]] = engine.networks()
        volumes: list[dict[str, Any]] = engine.volumes()["Volumes"] or []
        images: list[dict[str, Any]] = engine.images()
    return {
        "containers": sorted(
            f"{found['Names'][0].lstrip('/')} {found['Id'][:12]} {found['State']}"
            for found in containers
            if not _is_labs(found, lab)
        ),
        "networks": sorted(
            f"{found['Name']} {found['Id'][:12]}"
            for found in networks
            if found["Scope"] == "local" and found["Name"] not in BUILT_IN and not _is_labs(found, lab)
        ),
        "volumes": sorted(found["Name"] for found in volumes if not _is_labs(found, lab)),
        "images": sorted(found["Id"].removeprefix("sha256:")[:12] for found in images if not _is_made(found)),
    }


def _is_labs(found: Mapping[str, Any], lab: str) -> bool:
    return (found.get("Labels") or {}).get(OWNER_LABEL) == lab


def _is_made(found: Mapping[str, Any]) -> bool:
    return SOURCE_LABEL in (found.get("Labels") or {})
