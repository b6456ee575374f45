"""Networks, as far as no engine is asked."""

from __future__ import annotations

import shlex

import pytest

from lab.engine.network import NetworkSpec, summary


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (NetworkSpec("my-net", "unit"), "docker network create -d overlay my-net"),
        (NetworkSpec("test-net", "unit", attachable=True), "docker network create -d overlay --attachable test-net"),
        (NetworkSpec("secret", "unit", encrypted=True), "docker network create -d overlay --opt encrypted secret"),
        (
            NetworkSpec("my-net", "unit", "bridge", subnet="10.9.0.0/24"),
            "docker network create -d bridge --subnet 10.9.0.0/24 my-net",
        ),
    ],
)
def test_a_network_is_created_as_the_tutorial_types_it(spec: NetworkSpec, line: str):
    assert spec.command() == line


@pytest.mark.parametrize("value", ["1400", "a b", "bGFi=="])
def test_the_value_of_an_option_is_kept_to_the_letter(value: str):
    words = shlex.split(NetworkSpec("my-net", "unit", options={"com.example.option": value}).command())
    assert words[words.index("--opt") + 1] == f"com.example.option={value}"


def test_encryption_is_one_of_the_options():
    spec = NetworkSpec("secret", "unit", encrypted=True, options={"mtu": "1400"})
    assert spec.all_options() == {"mtu": "1400", "encrypted": ""}


@pytest.mark.parametrize(
    ("inspected", "seen"),
    [
        (None, {}),
        (
            {"Driver": "bridge"},
            {"driver": "bridge", "attachable": False, "encrypted": False, "subnet": "", "options": {}},
        ),
        (
            {
                "Driver": "overlay",
                "Attachable": True,
                "Options": {"encrypted": "", "com.docker.network.driver.overlay.vxlanid_list": "4097"},
                "IPAM": {"Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
            },
            {
                "driver": "overlay",
                "attachable": True,
                "encrypted": True,
                "subnet": "10.0.1.0/24",
                "options": {"encrypted": ""},
            },
        ),
        (
            {"Driver": "overlay", "Options": None, "IPAM": {"Config": None}},
            {"driver": "overlay", "attachable": False, "encrypted": False, "subnet": "", "options": {}},
        ),
    ],
)
def test_the_summary_has_what_a_specification_decides(inspected: dict | None, seen: dict):
    assert summary(inspected) == seen
