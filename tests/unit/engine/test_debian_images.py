"""The images made from this machine's packages: the same each time, and they run."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from lab.engine import debian_images
from lab.engine.archive import ImageContent, tags, write
from lab.errors import MachineLacks

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot is root's; this user is not root")

TRUSTED = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}


@pytest.fixture(scope="module")
def images() -> list[ImageContent]:
    """Return both images; skips where a package is not installed."""
    try:
        return debian_images.make()
    except MachineLacks as lacking:
        pytest.skip(str(lacking))


def members(image: ImageContent) -> dict[str, tarfile.TarInfo]:
    members = {}
    for content in image.layers:
        with tarfile.open(fileobj=io.BytesIO(content)) as layer:
            members |= {member.name: member for member in layer}
    return members


def unpacked(image: ImageContent, folder: Path) -> Path:
    for content in image.layers:
        with tarfile.open(fileobj=io.BytesIO(content)) as layer:
            layer.extractall(folder, **TRUSTED)
    return folder


def test_they_are_made_alike_each_time(images: list[ImageContent]):
    assert debian_images.make() == images


def test_their_label_tells_what_they_are_made_of(images: list[ImageContent]):
    for image in images:
        assert image.labels == {debian_images.SOURCE_LABEL: debian_images.source()}


def test_they_bear_their_own_names(images: list[ImageContent], tmp_path: Path):
    write(tmp_path / "images.tar", images, debian_images.architecture())
    assert tags(tmp_path / "images.tar") == [debian_images.SHELL_TAG, debian_images.WEB_TAG]


@pytest.mark.parametrize("applet", ["sh", "ping", "wget", "nslookup", "timeout", "ip"])
def test_the_programs_of_the_tutorial_are_in_both(images: list[ImageContent], applet: str):
    for image in images:
        assert members(image)[f"bin/{applet}"].linkname == "busybox"


def test_everybody_may_write_to_tmp(images: list[ImageContent]):
    for image in images:
        assert members(image)["tmp"].mode == 0o1777


@needs_root
def test_the_shell_runs(images: list[ImageContent], tmp_path: Path):
    root = unpacked(images[0], tmp_path)
    done = subprocess.run(
        ["chroot", root, *images[0].command, "-c", "echo $((6 * 7)); id -un"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "42\nroot\n"


@needs_root
def test_the_web_server_accepts_its_configuration(images: list[ImageContent], tmp_path: Path):
    root = unpacked(images[1], tmp_path)
    for device in ("null", "stderr"):
        (root / "dev" / device).touch()
    done = subprocess.run(["chroot", root, *images[1].command, "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
