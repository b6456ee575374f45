"""What host images are made of, and from where."""

from __future__ import annotations

import platform

import pytest

from lab.errors import InvalidInput, MachineLacks
from lab.hosts import recipes
from lab.hosts.recipes import RECIPES, Source

TOLD = """\
http://mirror.example/debian/ bookworm Debian main
http://mirror.example/debian/ bookworm-updates Debian main
http://mirror.example/debian-security/ bookworm-security Debian-Security main
https://packages.example/apt nodistro Node main
http://mirror.example/debian/ bookworm Debian contrib
"""


def test_debians_own_sources_are_found_among_others_each_once():
    assert recipes.sources(TOLD) == (
        Source("http://mirror.example/debian/", "Debian"),
        Source("http://mirror.example/debian-security/", "Debian-Security"),
    )


def test_another_suite_is_at_the_same_places_with_its_updates():
    assert recipes.lines("trixie", recipes.sources(TOLD)) == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://mirror.example/debian-security/ trixie-security main",
    ]


def test_all_that_decides_what_is_built_is_in_the_digest(monkeypatch: pytest.MonkeyPatch, tmp_path):
    trixie = RECIPES["trixie"]
    digests = {recipe.digest("amd64") for recipe in RECIPES.values()}
    assert len(digests) == len(RECIPES)
    assert trixie.digest("arm64") not in digests
    before = trixie.digest("amd64")
    other = tmp_path / "setup.sh"
    other.write_text(recipes.SETUP.read_text() + "true\n")
    monkeypatch.setattr(recipes, "SETUP", other)
    assert trixie.digest("amd64") != before


def test_an_unknown_image_is_refused_with_those_that_there_are():
    with pytest.raises(InvalidInput, match=r"no host image 'sid'.*bookworm, trixie"):
        recipes.recipe("sid")


def test_no_images_for_a_machine_of_another_kind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(MachineLacks, match="no host images are made for riscv64"):
        recipes.architecture()


def test_bare_recipes_bring_nothing_of_the_labs():
    bare = RECIPES["bookworm-bare"].all_packages("amd64")
    assert not {"docker.io", "nftables", "iptables", "busybox-static", "nginx"} & set(bare)
    assert "linux-image-cloud-amd64" in bare
