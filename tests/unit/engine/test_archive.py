"""Archives of images: written, read, and broken in every way that happens."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.engine.archive import ImageContent, in_directory, tags, write
from lab.errors import InvalidInput

LAYER = b"not really a layer " * 5000
SHELL = ImageContent("lab/shell:1", (LAYER,), ("/bin/sh",), {"made-of": "busybox 1.35"})
WEB = ImageContent("lab/web:1", (LAYER, b"another layer"), ("/usr/sbin/nginx",))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Return an archive with two images."""
    path = tmp_path / "images.tar"
    write(path, [SHELL, WEB], "amd64")
    return path


def archive(path: Path, members: Mapping[str, bytes]) -> Path:
    """Write a tar archive with these files."""
    with tarfile.open(path, "w") as out:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            out.addfile(member, io.BytesIO(content))
    return path


def content_of(path: Path, name: str) -> bytes:
    with tarfile.open(path) as found:
        return found.extractfile(name).read()


def manifest(path: Path) -> list[dict]:
    return json.loads(content_of(path, "manifest.json"))


def test_the_tags_that_were_written_are_read(whole: Path):
    assert tags(whole) == ["lab/shell:1", "lab/web:1"]


def test_the_same_images_give_the_same_bytes(whole: Path, tmp_path: Path):
    write(tmp_path / "again.tar", [SHELL, WEB], "amd64")
    assert (tmp_path / "again.tar").read_bytes() == whole.read_bytes()


def test_other_images_give_other_ids(whole: Path, tmp_path: Path):
    write(tmp_path / "other.tar", [SHELL, ImageContent("lab/web:1", (b"changed",), WEB.command)], "amd64")
    ids, others = ([image["Config"] for image in manifest(path)] for path in (whole, tmp_path / "other.tar"))
    assert ids[0] == others[0]
    assert ids[1] != others[1]


def test_an_image_is_found_under_the_digest_of_its_configuration(whole: Path):
    for image in manifest(whole):
        content = content_of(whole, image["Config"])
        assert image["Config"] == f"{hashlib.sha256(content).hexdigest()}.json"


def test_the_configuration_names_the_layer_and_how_to_run(whole: Path):
    image = manifest(whole)[0]
    config = json.loads(content_of(whole, image["Config"]))
    assert content_of(whole, image["Layers"][0]) == LAYER
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(LAYER).hexdigest()}"]
    assert (config["os"], config["architecture"]) == ("linux", "amd64")
    assert config["config"]["Cmd"] == ["/bin/sh"]
    assert config["config"]["Labels"] == {"made-of": "busybox 1.35"}


def test_no_draft_is_left(whole: Path):
    assert list(whole.parent.iterdir()) == [whole]


def test_a_directory_is_read_archive_by_archive(whole: Path):
    compressed = whole.with_name("zipped.tar.gz")
    compressed.write_bytes(gzip.compress(whole.read_bytes()))
    shutil.copy(compressed, whole.with_name("zipped.tgz"))
    whole.with_name("README").write_text("no archive")
    found = in_directory(whole.parent)
    assert sorted(path.name for path in found) == ["images.tar", "zipped.tar.gz", "zipped.tgz"]
    assert set(map(tuple, found.values())) == {("lab/shell:1", "lab/web:1")}


def test_an_image_without_a_tag_has_none(tmp_path: Path):
    image = {"Config": "c", "RepoTags": None, "Layers": []}
    assert tags(archive(tmp_path / "i.tar", {"manifest.json": json.dumps([image]).encode()})) == []


@pytest.mark.parametrize("kept", [0, 100, 512, 20_000, 96_000])
def test_an_archive_that_was_cut_off_is_refused(whole: Path, kept: int):
    whole.write_bytes(whole.read_bytes()[:kept])
    with pytest.raises(InvalidInput, match=r"images\.tar is no whole image archive"):
        tags(whole)


def test_an_archive_that_was_cut_off_in_its_last_layer_is_refused(tmp_path: Path):
    image = {"Config": "c", "RepoTags": ["a:1"], "Layers": ["one/layer.tar"]}
    path = archive(tmp_path / "i.tar", {"manifest.json": json.dumps([image]).encode(), "one/layer.tar": LAYER})
    path.write_bytes(path.read_bytes()[: len(LAYER) // 2])
    with pytest.raises(InvalidInput, match=r"i\.tar is no whole image archive"):
        tags(path)


@pytest.mark.parametrize("place", [3, 20, 100])
def test_a_compressed_archive_that_was_damaged_is_refused(whole: Path, place: int):
    content = bytearray(gzip.compress(whole.read_bytes()))
    content[place : place + 8] = b"\xff" * 8
    whole.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"images\.tar is no whole image archive"):
        tags(whole)


def test_a_compressed_archive_that_was_cut_off_is_refused(whole: Path):
    content = gzip.compress(whole.read_bytes())
    whole.write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidInput, match=r"images\.tar is no whole image archive"):
        tags(whole)


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\0" * 10240, b"{}" * 1000])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "i.tar").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"i\.tar is no"):
        tags(tmp_path / "i.tar")


def test_a_tar_of_something_else_is_refused(tmp_path: Path):
    with pytest.raises(InvalidInput, match=r"manifest\.json") as raised:
        tags(archive(tmp_path / "backup.tar", {"etc/passwd": b"root"}))
    assert "docker save" in raised.value.hint


@pytest.mark.parametrize("text", ["", "{", "no json", "{}", "1", "[1]", '["a"]', "[{}]", '[{"Layers": 1}]'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str):
    path = archive(tmp_path / "i.tar", {"manifest.json": text.encode()})
    with pytest.raises(InvalidInput, match=r"i\.tar"):
        tags(path)


def test_a_manifest_that_is_a_directory_is_refused(tmp_path: Path):
    with tarfile.open(tmp_path / "i.tar", "w") as out:
        member = tarfile.TarInfo("manifest.json")
        member.type = tarfile.DIRTYPE
        out.addfile(member)
    with pytest.raises(InvalidInput, match="not a file"):
        tags(tmp_path / "i.tar")


def test_missing_layers_are_counted(tmp_path: Path):
    image = {"Config": "c", "RepoTags": ["a:1"], "Layers": ["one/layer.tar", "two/layer.tar", "three/layer.tar"]}
    members = {"manifest.json": json.dumps([image]).encode(), "two/layer.tar": b""}
    with pytest.raises(InvalidInput, match="2 layers are missing"):
        tags(archive(tmp_path / "i.tar", members))


def test_a_directory_that_is_none_is_refused_with_what_may_be_given(tmp_path: Path):
    with pytest.raises(InvalidInput, match="is no directory") as raised:
        in_directory(tmp_path / "debain")
    assert "debian" in raised.value.hint


def test_an_empty_directory_is_refused(tmp_path: Path):
    with pytest.raises(InvalidInput, match=f"no image archive in {tmp_path}"):
        in_directory(tmp_path)


def test_one_broken_archive_spoils_a_directory_and_is_named(whole: Path):
    whole.with_name("broken.tar").write_bytes(b"broken")
    with pytest.raises(InvalidInput, match=r"broken\.tar"):
        in_directory(whole.parent)
