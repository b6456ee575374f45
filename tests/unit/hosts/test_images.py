"""The store of host images, without making one."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from lab.errors import MachineLacks
from lab.hosts import images, recipes
from lab.hosts.images import Image
from lab.hosts.state import start_time

STATUS = """\
Package: docker-cli
Version: 26.1.5+dfsg1-9+b1

Package: docker.io
Status: install ok installed
Description: engine
 Version: not this
Version: 1:26.1.5+dfsg1-9+b1
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_IMAGE_DIR", str(tmp_path / "images"))
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "labs"))
    return tmp_path / "images"


def made(home: Path, name: str, digest: str) -> Image:
    """Put an image there as a build would leave it."""
    image = Image(name, digest, recipes.architecture(), "6.12.1-cloud-amd64", "26.1.5", 1000, home / f"{name}-{digest}")
    image.path.mkdir(parents=True)
    (image.path / "image.json").write_text(json.dumps({**asdict(image), "path": ""}))
    return image


def test_the_engines_version_is_that_of_its_package():
    assert images.version("docker.io", STATUS) == "26.1.5"
    assert images.version("docker-cli", STATUS) == "26.1.5"
    assert images.version("podman", STATUS) == ""


def test_only_an_image_of_todays_recipe_is_used(home: Path):
    old = made(home, "trixie", "0123456789ab")
    assert images.find("trixie") is None
    assert not old.current
    with pytest.raises(MachineLacks, match="lab image build trixie"):
        images.require("trixie")
    new = made(home, "trixie", recipes.recipe("trixie").digest(recipes.architecture()))
    assert images.require("trixie") == new
    assert new.current
    assert images.listed() == [old, new]


def test_a_draft_is_no_image(home: Path):
    image = made(home, "trixie", "0123456789ab")
    image.path.rename(home / ".draft-1-2")
    assert images.listed() == []


def test_drafts_of_runs_that_have_gone_are_swept_and_others_are_not(home: Path):
    for owner in ("4194999-1", f"{os.getpid()}-{start_time(os.getpid())}"):
        (home / f".draft-{owner}" / "tree").mkdir(parents=True)
    images._sweep(home)
    assert [path.name for path in home.iterdir()] == [f".draft-{os.getpid()}-{start_time(os.getpid())}"]


def test_removing_the_last_image_leaves_nothing(home: Path):
    images.remove(made(home, "trixie", "0123456789ab"))
    assert not home.exists()


def test_too_little_room_is_said_before_anything_is_made(monkeypatch: pytest.MonkeyPatch, home: Path):
    monkeypatch.setattr(images, "FREE_MIB", 1 << 40)
    monkeypatch.setattr(images, "PROGRAMS", {})
    with pytest.raises(MachineLacks, match="needed to make a host image"):
        images.check()
    assert not home.exists()


def test_missing_programs_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "PROGRAMS", {"no-such-program": "its-package"})
    with pytest.raises(MachineLacks, match="missing on this machine: its-package"):
        images.check()
