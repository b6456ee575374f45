"""Networks, as far as no engine is asked."""

from __future__ import annotations

import shlex

import pytest

from lab.engine.network import NetworkSpec, containers, peers, summary


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


def test_the_containers_of_an_overlay_are_told_without_its_load_balancer():
    found = {
        "c2": {"Name": "web.2", "IPv4Address": "10.0.1.4/24"},
        "c1": {"Name": "web.1", "IPv4Address": ""},
        "lb-my-net": {"Name": "my-net-endpoint", "IPv4Address": "10.0.1.5/24"},
        "ep-1": {"Name": "somebody's on another host", "IPv4Address": "10.0.1.6/24"},
    }
    assert containers({"Containers": found}) == [
        {"id": "c1", "name": "web.1", "address": ""},
        {"id": "c2", "name": "web.2", "address": "10.0.1.4"},
    ]


def test_the_peers_of_an_overlay_are_in_the_order_of_their_addresses():
    found = [{"Name": "a", "IP": "198.18.0.100"}, {"Name": "b", "IP": "198.18.0.13"}, {"Name": "c", "IP": "10.0.0.1"}]
    assert peers({"Peers": found}) == ["10.0.0.1", "198.18.0.13", "198.18.0.100"]


@pytest.mark.parametrize("inspected", [None, {}, {"Containers": None, "Peers": None}])
def test_a_network_that_is_not_in_use_has_neither(inspected: dict | None):
    assert (containers(inspected), peers(inspected)) == ([], [])
