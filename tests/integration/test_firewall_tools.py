"""The swarm's ports in each tool that manages a firewall, for real: opened to peers only, and taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.firewall import knock, tools
from lab.firewall.ports import swarm_ports
from lab.hosts import netns
from lab.hosts.base import LabPaths
from lab.polling import until
from tests.integration.playbook import play
from tests.integration.remote import SEGMENT, Remote

PORTS = tuple(str(port) for port in swarm_ports())
OPEN = dict.fromkeys(PORTS, "refused")
SHUT = {port: "closed" if port.endswith("tcp") else "silent" for port in PORTS}
WITHOUT = "nft delete table inet filter; "
SETUP = {
    "nftables": "true",
    "iptables": WITHOUT
    + "for rule in '-m conntrack --ctstate ESTABLISHED,RELATED' '-i lo' '-p icmp' '-p tcp --dport 22'; "
    "do iptables -A INPUT $rule -j ACCEPT; done; iptables -P INPUT DROP",
    "ufw": WITHOUT + "sed -i s/IPV6=yes/IPV6=no/ /etc/default/ufw; ufw allow 22/tcp; ufw --force enable",
    "firewalld": WITHOUT
    + "mkdir -p /run/dbus; dbus-daemon --system --fork; setsid firewalld --nofork --nopid </dev/null >/dev/null 2>&1 & "
    "n=0; until firewall-cmd --state; do n=$((n+1)); [ $n -lt 100 ]; sleep 0.1; done",
}
LISTING = {
    "nftables": "nft list table inet filter",
    "iptables": "iptables-save -t filter | grep -v '^[:#]'",
    "ufw": "ufw show added; iptables-save -t filter | grep '^-A ufw-user-input'",
    "firewalld": "firewall-cmd --list-all; firewall-cmd --permanent --list-all",
}
AFTER_RELOAD = {"ufw": "ufw reload", "firewalld": "firewall-cmd --reload"}
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: lab_host, tasks_from: validate}
- hosts: managers:workers
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: swarm_ports}
"""


@pytest.fixture(scope="module")
def remote(remote_layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    made = Remote(LabPaths.of("test-firewalls"), remote_layer, tmp_path_factory.mktemp("user"))
    try:
        made.start(*(f"{tool}-{end}" for tool in SETUP for end in "ab"), "open-a", "open-b", python=True, engine=False)
        yield made
    finally:
        made.end()


def run(remote: Remote, folder: Path, tool: str, *arguments: str, **variables: object) -> tuple[int, str]:
    """Run the role on a tool's two hosts; return how many of them were changed, and what Ansible said."""
    hosts = {f"{tool}-{end}": {"lab_address": remote.addresses[f"{tool}-{end}"]} for end in "ab"}
    common = {"lab_provider": "netns", "lab_segment": SEGMENT, "ansible_connection": "lab.swarm.netns"}
    groups = {"managers": {"hosts": hosts}}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"vars": {**common, **variables}, "children": groups}}))
    (folder / "ports.yml").write_text(PLAYBOOK)
    files = ("-i", str(folder / "hosts.yml"), str(folder / "ports.yml"))
    done = play(*files, *arguments, lab=remote.paths.name, home=folder)
    assert done.code == 0, done.text
    return done.out.count("changed=1"), done.out


def answers(remote: Remote, tool: str, wanted: dict[str, str], *, outside: bool = False) -> dict[str, str]:
    """Return how host a's ports answer host b, or an outsider; looks again for some seconds until it is as wanted.

    A kernel sends only so many of the messages a second by which an open port without a listener is told.
    """
    target = knock.Target("a", remote.addresses[f"{tool}-a"], PORTS)
    script = knock.script([target], 1, refusals=True)

    def look() -> dict[str, str]:
        output = netns.from_outside(remote.paths, script) if outside else remote.on(f"{tool}-b", script).out
        return knock.answers(output)["a"]

    return until(look, lambda seen: seen == wanted, deadline_s=8, every_s=1)[0]


@pytest.mark.parametrize("tool", SETUP)
def test_ports_are_opened_to_peers_only_and_taken_back(remote: Remote, tmp_path: Path, tool: str):
    for end in "ab":
        done = remote.on(f"{tool}-{end}", SETUP[tool])
        assert done.code == 0, done.text
    before = remote.on(f"{tool}-a", LISTING[tool]).out
    assert answers(remote, tool, SHUT) == SHUT
    changed, told = run(remote, tmp_path, tool, "--check", "--diff", swarm_ports_encrypted=True)
    assert changed == 2
    assert remote.addresses[f"{tool}-b"] in told
    assert remote.on(f"{tool}-a", LISTING[tool]).out == before
    assert run(remote, tmp_path, tool, "-v", swarm_ports_encrypted=True)[0] == 2
    assert "esp" in remote.on(f"{tool}-a", LISTING[tool]).out
    assert answers(remote, tool, OPEN) == OPEN
    assert answers(remote, tool, SHUT, outside=True) == SHUT
    if tool in AFTER_RELOAD:
        assert remote.on(f"{tool}-a", AFTER_RELOAD[tool]).code == 0
        assert answers(remote, tool, OPEN) == OPEN
    assert run(remote, tmp_path, tool, "-v", swarm_ports_encrypted=True)[0] == 0
    assert run(remote, tmp_path, tool, "-v", swarm_ports_state="absent")[0] == 2
    assert remote.on(f"{tool}-a", LISTING[tool]).out == before
    assert run(remote, tmp_path, tool, "-v", swarm_ports_state="absent")[0] == 0


def test_a_host_without_a_firewall_is_left_alone_and_that_is_said(remote: Remote, tmp_path: Path):
    for end in "ab":
        assert remote.on(f"open-{end}", "nft flush ruleset").code == 0
    changed, told = run(remote, tmp_path, "open", "-v")
    assert changed == 0
    assert "open-a has no active firewall: left alone" in told
    assert remote.on("open-a", "nft list ruleset").out == ""


def test_a_tool_that_is_named_and_not_active_is_refused(remote: Remote):
    told = remote.on("nftables-a", tools.DETECTION).out
    with pytest.raises(tools.MachineLacks, match="ufw is not active there"):
        tools.detect(told, "ufw")
