"""Inventories of hosts that are reached by SSH."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from lab.errors import InvalidInput
from lab.inventory import Inventory, provider_name, validate
from lab.project import project


def inventory(**variables: Any) -> Inventory:
    """Return a lab of two hosts, whose first has the variables."""
    common = {"lab_provider": "ssh"}
    return Inventory(
        {"managers": ["one"], "workers": ["two.example.com"]},
        {"one": {**common, **variables}, "two.example.com": common},
        "hosts.yml",
    )


def problems(**variables: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidInput) as refused:
        validate(inventory(**variables))
    return refused.value.problems


def test_a_host_may_be_called_by_its_full_name_and_has_no_segment():
    spec = validate(inventory())
    assert [host.name for host in spec.hosts] == ["one", "two.example.com"]
    assert spec.segment == ""


@pytest.mark.parametrize(
    "variables",
    [
        {"ansible_host_key_checking": False},
        {"ansible_ssh_host_key_checking": "no"},
        {"ansible_ssh_args": "-o StrictHostKeyChecking=no"},
        {"ansible_ssh_common_args": "-o stricthostkeychecking=accept-new"},
        {"ansible_ssh_extra_args": "-o UserKnownHostsFile=/dev/null"},
    ],
)
def test_the_check_of_host_keys_cannot_be_turned_off(variables: dict[str, Any]):
    assert [line.partition(" turns ")[0] for line in problems(**variables)] == [f"one: {next(iter(variables))}"]


@pytest.mark.parametrize("name", ["advertise_address", "data_path_address"])
def test_an_address_is_an_ipv4_address(name: str):
    assert problems(**{name: "fe80::1"}) == (f"one: {name} 'fe80::1' is no IPv4 address",)


def test_a_pool_is_a_network():
    assert problems(swarm_address_pools=["192.168.128.0/18", "here"]) == (
        "one: swarm_address_pools: 'here' is no IPv4 network",
    )


def test_labels_are_names_with_values():
    assert problems(node_labels=["ssd"]) == ("one: node_labels must be names with values",)


def test_the_example_is_a_lab():
    content = yaml.safe_load((project().root / "inventory" / "ssh.example.yml").read_text())["all"]
    groups = {name: list(group["hosts"]) for name, group in content["children"].items()}
    variables = {
        host: {**content["vars"], **(own or {})}
        for group in content["children"].values()
        for host, own in group["hosts"].items()
    }
    example = Inventory(groups, variables, "ssh.example.yml")
    assert provider_name(example) == "ssh"
    assert [host.name for host in validate(example).hosts] == ["manager-1", "worker-1", "worker-2"]
