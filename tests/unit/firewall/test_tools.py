"""Which tool manages a host's firewall, from what the host told."""

from __future__ import annotations

import json

import pytest

from lab.errors import LabError, MachineLacks
from lab.firewall import firewalld, tools, ufw
from lab.firewall.ports import Opening


def chain(table: str, name: str, policy: str, hook: str = "input") -> dict:
    family = "inet" if table == "native" else "ip"
    return {"chain": {"family": family, "table": table, "name": name, "hook": hook, "policy": policy}}


def told(*signs: str, chains: list[dict] | None = None, iptables: str = "") -> str:
    """Return what a host prints."""
    parts = [f"== {sign}\n" for sign in signs]
    if chains is not None:
        parts.append(f"== nft\n{json.dumps({'nftables': chains})}\n")
    return "".join([*parts, f"== iptables\n{iptables}", "== end\n"])


SHUT = "-P INPUT DROP\n"
REJECTING = "-P INPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-port-unreachable\n"
NATIVE = [chain("native", "input", "drop")]
OF_IPTABLES = [chain("filter", "INPUT", "drop")]


@pytest.mark.parametrize(
    ("output", "name", "place"),
    [
        (told("firewalld", "ufw", chains=NATIVE, iptables=SHUT), "firewalld", "firewalld"),
        (told("ufw", chains=OF_IPTABLES, iptables=SHUT), "ufw", "ufw"),
        (told(chains=[*NATIVE, *OF_IPTABLES], iptables=SHUT), "nftables", "inet native input"),
        (told(chains=OF_IPTABLES, iptables=SHUT), "iptables", "iptables"),
        (told(chains=OF_IPTABLES), "nftables", "ip filter INPUT"),
        (
            told(iptables="-P INPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j REJECT --reject-with x\n"),
            "iptables",
            "iptables",
        ),
        (told(chains=[chain("native", "input", "accept")], iptables="-P INPUT ACCEPT\n"), "none", ""),
        (told(), "none", ""),
        ("", "none", ""),
    ],
)
def test_the_active_tool_is_found(output: str, name: str, place: str):
    found, tool, where = tools.detect(output)
    assert (found, where) == (name, place)
    assert (tool is None) == (name == "none")


def test_a_tool_that_is_named_is_taken_where_it_is_active():
    output = told("ufw", chains=NATIVE, iptables=SHUT)
    assert tools.detect(output, "nftables")[0] == "nftables"
    assert tools.detect(output, "none")[0] == "none"
    with pytest.raises(MachineLacks, match="firewalld is not active there"):
        tools.detect(output, "firewalld")


def test_what_ours_is_left_in_is_found_though_it_was_switched_off_since():
    told_ufw = told("held_by_ufw", chains=NATIVE)
    assert tools.detect(told_ufw)[0] == "nftables"
    assert tools.detect(told_ufw, held=True)[0] == "ufw"
    told_iptables = told(iptables="-P INPUT ACCEPT\n-A INPUT -j SWARM-PORTS\n")
    assert tools.detect(told_iptables)[0] == "none"
    assert tools.detect(told_iptables, held=True)[0] == "iptables"
    assert tools.detect(told(chains=NATIVE), held=True)[0] == "nftables"
    assert tools.detect(told_ufw, "ufw", held=True)[0] == "ufw"


def test_a_rule_that_the_user_has_too_is_left_to_them():
    theirs = "### tuple ### allow tcp 7946 0.0.0.0/0 any 198.18.0.12 in\n"
    opening = Opening(("198.18.0.12",), manager=False)
    assert ufw.wanted(opening, theirs) == {"rules": ["198.18.0.12 udp 4789,7946"]}
    assert "proto tcp" not in ufw.render(opening, theirs, "198.18.0.11")
    assert ufw.standing(theirs) == ufw.nothing()
    assert "delete" not in ufw.render_removal(theirs, "198.18.0.11")


def test_firewalld_shuts_everybody_else_out():
    rules = firewalld.wanted(Opening(("198.18.0.12",), manager=False), "")["kept"]
    assert [rule for rule in rules if rule.endswith(" drop")] == [
        f'rule priority="-736" port port="{number}" protocol="{protocol}" drop'
        for number, protocol in ((4789, "udp"), (7946, "tcp"), (7946, "udp"))
    ]


def test_several_chains_that_drop_are_one_too_many():
    with pytest.raises(LabError, match="several input chains drop"):
        tools.detect(told(chains=[*NATIVE, chain("native", "second", "drop")]))
