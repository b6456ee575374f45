"""Which tool manages a host's firewall, from what the host told."""

from __future__ import annotations

import json

import pytest

from lab.errors import LabError, MachineLacks
from lab.firewall import tools


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


def test_several_chains_that_drop_are_one_too_many():
    with pytest.raises(LabError, match="several input chains drop"):
        tools.detect(told(chains=[*NATIVE, chain("native", "second", "drop")]))
