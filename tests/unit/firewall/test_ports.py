"""The swarm's ports, as data."""

from __future__ import annotations

import pytest

from lab.firewall.ports import Opening, swarm_ports


def test_the_ports_are_those_of_the_tutorial():
    assert [str(port) for port in swarm_ports()] == ["2377/tcp", "7946/tcp", "7946/udp", "4789/udp"]


def test_the_data_path_may_be_moved():
    assert [str(port) for port in swarm_ports(9789)] == ["2377/tcp", "7946/tcp", "7946/udp", "9789/udp"]


@pytest.mark.parametrize(("manager", "opened"), [(True, True), (False, False)])
def test_only_managers_are_asked_to_manage(manager: bool, opened: bool):
    ports = [str(port) for port in Opening(("198.18.0.12",), manager=manager).ports()]
    assert ("2377/tcp" in ports) is opened
    assert {"7946/tcp", "7946/udp", "4789/udp"} <= set(ports)
