"""Archives of images as ``docker save`` writes them (image specification 1.2): read what is in, write our own."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.errors import InvalidInput

_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class ImageContent:
    """An image to be written: its tag, its layers (uncompressed tars, lowest first), and how it runs."""

    tag: str
    layers: Sequence[bytes]
    command: Sequence[str]
    labels: Mapping[str, str] = field(default_factory=dict)


def write(path: Path, images: Sequence[ImageContent], architecture: str) -> None:
    """Write the images into one archive; the same content always gives the same bytes and image ids."""
    manifest = []
    draft = path.with_suffix(".new")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = set()
    with tarfile.open(draft, "w") as archive:
        for image in images:
            digests = [hashlib.sha256(layer).hexdigest() for layer in image.layers]
            for digest, layer in zip(digests, image.layers, strict=True):
                if digest not in written:
                    _add(archive, f"{digest}/layer.tar", layer)
                    written.add(digest)
            config = _config(image, digests, architecture)
            config_name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add(archive, config_name, config)
            layers = [f"{digest}/layer.tar" for digest in digests]
            manifest.append({"Config": config_name, "RepoTags": [image.tag], "Layers": layers})
        _add(archive, "manifest.json", json.dumps(manifest).encode())
    draft.rename(path)


def _config(image: ImageContent, digests: Sequence[str], architecture: str) -> bytes:
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": _EPOCH,
        "config": {"Cmd": list(image.command), "Env": [path], "Labels": dict(image.labels)},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": _EPOCH, "comment": "made from this machine's Debian packages"} for _ in digests],
    }
    return json.dumps(config, sort_keys=True).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def tags(path: Path) -> list[str]:
    """Return the tags in an archive written by ``docker save``; raises InvalidInput on anything else."""
    try:
        with tarfile.open(path) as archive:
            manifest = archive.extractfile("manifest.json")
            if manifest is None:
                raise ValueError("its manifest is not a file")
            listed = _manifest(json.load(manifest))
            names = set(archive.getnames())
    except (tarfile.TarError, KeyError, OSError, EOFError, ValueError) as error:
        raise InvalidInput(f"{path} is no whole image archive: {error}", hint="write it with docker save") from error
    missing = [layer for image in listed for layer in image["Layers"] if layer not in names]
    if missing:
        raise InvalidInput(f"{path} is broken: {len(missing)} layers are missing")
    return [tag for image in listed for tag in image.get("RepoTags") or []]


def _manifest(content: Any) -> list[dict[str, Any]]:
    """Return a manifest of the right form; raises ValueError on any other."""
    entries = content if isinstance(content, list) else []
    if not entries or not all(isinstance(entry, dict) and isinstance(entry.get("Layers"), list) for entry in entries):
        raise ValueError("its manifest lists no images")
    return entries


def in_directory(folder: Path) -> dict[Path, list[str]]:
    """Return the archives (``*.tar``, ``*.tar.gz``, ``*.tgz``) of a directory, each with its tags.

    Raises InvalidInput where there is no such directory, none in it, or one that is broken.
    """
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no directory", hint="--images takes debian, hub, or a directory of archives")
    paths = sorted(path for pattern in ("*.tar", "*.tar.gz", "*.tgz") for path in folder.glob(pattern))
    if not paths:
        raise InvalidInput(f"no image archive in {folder}", hint="write one with docker save -o NAME.tar IMAGE")
    return {path: tags(path) for path in paths}
