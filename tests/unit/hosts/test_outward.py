"""What a machine's network offers to a lab, judged from what ip and nft would tell."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from lab.errors import MachineLacks
from lab.hosts import outward

SEGMENT = ipaddress.IPv4Network("198.18.0.0/24")
DEFAULT = {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"}
OWN = {"dst": "192.0.2.0/24", "dev": "eth0"}


def chain(table: str = "filter", family: str = "ip", **properties: Any) -> dict[str, Any]:
    about = {"hook": "forward", "type": "filter", "prio": 0, "policy": "accept", **properties}
    return {"chain": {"family": family, "table": table, "name": "FORWARD", **about}}


def rule(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"rule": {"family": "ip", "table": "filter", "chain": "FORWARD", "expr": list(statements)}}


MATCH = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "docker0"}}
COUNTER = {"counter": {"packets": 0, "bytes": 0}}

CLOSED = {
    "a policy": [chain(policy="drop")],
    "a policy with rules that let others through": [chain(policy="drop"), rule(MATCH, {"accept": None})],
    "a last rule that drops": [chain(), rule(MATCH, {"accept": None}), rule({"drop": None})],
    "a last rule that rejects and counts": [chain(), rule(COUNTER, {"reject": None})],
}
OPEN = {
    "nothing": [],
    "a chain that lets all through": [chain()],
    "a rule about somebody else": [chain(), rule(MATCH, {"drop": None})],
    "a drop that is not the last": [chain(), rule({"drop": None}), rule(MATCH, {"accept": None})],
    "a chain of another hook": [chain(hook="input", policy="drop")],
    "a chain that nothing leads to": [{"chain": {"family": "ip", "table": "filter", "name": "DOCKER"}}],
    "a bridge's chain": [chain(family="bridge", policy="drop")],
    "IPv6": [chain(family="ip6", policy="drop")],
    "another lab's table": [chain(table="swarm_lab_other", family="inet", policy="drop")],
}


@pytest.mark.parametrize("ruleset", CLOSED.values(), ids=CLOSED)
def test_a_forward_chain_is_closed_by(ruleset: list[dict[str, Any]]):
    assert outward.closed_chains(ruleset) == [("ip", "filter", "FORWARD")]


@pytest.mark.parametrize("ruleset", OPEN.values(), ids=OPEN)
def test_a_forward_chain_is_not_closed_by(ruleset: list[dict[str, Any]]):
    assert outward.closed_chains(ruleset) == []


@pytest.mark.parametrize(
    ("routes", "interfaces"),
    [
        ([DEFAULT, OWN], {"eth0"}),
        ([OWN], set()),
        ([DEFAULT, {"dst": "default", "dev": "wg0", "table": "51820"}], {"eth0", "wg0"}),
        ([DEFAULT, {"dst": "0.0.0.0/1", "dev": "tun0"}, {"dst": "128.0.0.0/1", "dev": "tun0"}], {"eth0", "tun0"}),
        ([{"dst": "default", "nexthops": [{"dev": "eth0"}, {"dev": "eth1"}]}], {"eth0", "eth1"}),
        ([{"type": "unreachable", "dst": "default", "metric": 99}], set()),
    ],
    ids=["one", "none", "a VPN's table", "a VPN's halves", "several next hops", "a wall"],
)
def test_the_way_out_is_that_of_the_default_routes(routes: outward.Routes, interfaces: set[str]):
    assert outward.default_interfaces(routes) == interfaces


def test_a_machine_without_a_default_route_has_no_way_out():
    with pytest.raises(MachineLacks, match="no default route"):
        outward.interfaces([OWN], ())


def test_a_lab_has_a_network_of_its_own():
    networks = {outward.free_network([DEFAULT, OWN], lab) for lab in ("lab", "uplink-a", "uplink-b")}
    assert len(networks) == 3
    assert all(network.prefixlen == 30 and network.subnet_of(outward.TRANSFER) for network in networks)


def test_the_next_network_is_taken_where_a_route_covers_the_first():
    first = outward.free_network([], "lab")
    second = outward.free_network([{"dst": str(first[1]), "dev": "lo", "type": "local"}], "lab")
    assert int(second.network_address) - int(first.network_address) == 4


def test_the_default_route_covers_nothing():
    assert outward.free_network([DEFAULT], "lab") == outward.free_network([], "lab")


def test_a_machine_that_uses_them_all_has_no_network_left():
    with pytest.raises(MachineLacks, match=r"198\.19\.0\.0/16 is in use"):
        outward.free_network([{"dst": "198.18.0.0/15", "dev": "eth1"}], "lab")


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 192.0.2.53\n", ("192.0.2.53",)),
        ("search example.com\nnameserver\t192.0.2.53 \noptions edns0\n", ("192.0.2.53",)),
        ("nameserver 127.0.0.53\n", ()),
        ("nameserver 127.0.0.1\nnameserver 192.0.2.53\nnameserver 192.0.2.53\n", ("192.0.2.53",)),
        ("nameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver 0.0.0.0\n", ()),
        ("nameserver 198.18.0.3\n", ()),
        ("# nameserver 192.0.2.53\nnameserver\n", ()),
        ("".join(f"nameserver 192.0.2.{n}\n" for n in range(1, 6)), ("192.0.2.1", "192.0.2.2", "192.0.2.3")),
    ],
)
def test_a_host_gets_the_name_servers_that_it_can_reach(text: str, servers: tuple[str, ...]):
    assert outward.reachable(text, SEGMENT) == servers


def test_where_all_are_loopback_the_true_ones_are_asked_for(tmp_path: Path):
    stub, true = tmp_path / "stub", tmp_path / "true"
    stub.write_text("nameserver 127.0.0.53\n")
    true.write_text("nameserver 192.0.2.53\n")
    assert outward.name_servers(str(SEGMENT), [stub, true]) == ("192.0.2.53",)


def test_where_there_is_none_the_hint_is_the_variable(tmp_path: Path):
    with pytest.raises(MachineLacks, match="no name server") as raised:
        outward.name_servers(str(SEGMENT), [tmp_path / "none", tmp_path / "neither"])
    assert "lab_uplink_nameservers" in raised.value.hint


def test_this_process_is_entered_without_a_command_and_nobody_else_by_a_number_that_is_nobodys():
    assert outward.entry(outward.namespace()) == ()
    assert outward.entry(1) is None
