"""A lab with an uplink reaches the internet, the internet does not reach it, and it goes without a trace.

The machine and the internet are network namespaces of these tests' own: no packet leaves them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.engine.debian_images import SHELL_TAG, WEB_TAG
from lab.hosts import state
from lab.hosts.uplink import PORT, link_name, table_name
from tests.integration import internet, machine
from tests.integration.command import REPO, Cli, Done
from tests.integration.internet import HOST, MACHINE, MACHINE_PORT, NAME, Internet

FORWARDING = "cat /proc/sys/net/ipv4/conf/eth0/forwarding"
TO_MACHINE = f"timeout 1 bash -c ': </dev/tcp/{MACHINE}/{MACHINE_PORT}'"
KNOCK = "timeout 1 bash -c ': </dev/tcp/198.18.0.11/8080'"
"""Fails where the port that a manager's container publishes does not open within a second."""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """A machine that is connected to an internet."""
    with internet.connected(tmp_path_factory.mktemp("internet")) as made:
        yield made


@pytest.fixture
def labs(net: Internet) -> Iterator[tuple[Cli, Cli]]:
    """Two labs that are not up; taken down at the end."""
    both = (Cli("uplink-a"), Cli("uplink-b"))
    try:
        yield both
    finally:
        for cli in both:
            net.run(cli, "down")


def _up(net: Internet, cli: Cli, *arguments: str) -> str:
    """Bring a lab up; return the line that says how much changed."""
    done = net.run(cli, "up", *arguments)
    assert done.code == 0, done.text
    return done.out.rpartition("changed=")[2].split()[0]


def _ask(cli: Cli, name: str, network: str = "bridge") -> tuple[Done, float]:
    """Ping a name in a new container on the manager; return how it ended and the seconds that it took in there."""
    script = f"cat /proc/uptime; ping -c 1 -W 2 {name}; status=$?; cat /proc/uptime; exit $status"
    run = ["run", "--rm", "--network", network, SHELL_TAG, "sh", "-c", script]
    done = cli.run("docker", "manager", "--", *run)
    lines = done.out.splitlines()
    start, end = (float(line.split()[0]) for line in (lines[0], lines[-1]))
    return done, end - start


def _reaches(cli: Cli, name: str = NAME, network: str = "bridge") -> bool:
    done, _ = _ask(cli, name, network)
    return done.code == 0 and f"PING {name} ({HOST})" in done.out and " 0% packet loss" in done.out


def _found_by_a_stage(cli: Cli, tmp_path: Path) -> bool:
    """Return what a stage finds in C(hostvars.localhost.lab_host_found.uplink)."""
    playbook = tmp_path / "look.yml"
    look = '{name: Look, ansible.builtin.debug: {msg: "uplink {{ hostvars.localhost.lab_host_found.uplink }}"}}'
    playbook.write_text(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n"
        "    - {name: Find, ansible.builtin.import_role: {name: lab_host, tasks_from: running}}\n"
        f"    - {look}\n"
    )
    env = {**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_ROLES_PATH": str(REPO / "roles")}
    program = Path(sys.executable).with_name("ansible-playbook")
    inventory = state.read(cli.paths).inventory
    argv = [program, "-i", inventory, "-e", f"lab_name={cli.lab}", playbook]
    out = subprocess.run(argv, cwd=REPO, env=env, capture_output=True, text=True, check=True).stdout
    return "uplink True" in out


def _one_host(inventory: Callable[..., Path], **variables: object) -> list[str]:
    return ["-i", str(inventory(["manager"], [], **variables))]


def test_running_hosts_get_an_uplink_and_keep_it_until_they_go(
    net: Internet, labs: tuple[Cli, Cli], inventory, tmp_path: Path
):
    cli, hosts = labs[0], _one_host(inventory)
    _up(net, cli, *hosts)
    before = net.state()
    for network in ("bridge", "cross-host-ping"):
        done, seconds = _ask(cli, NAME, network)
        assert (done.code, f"bad address '{NAME}'" in done.err) == (1, True), done.text
        assert seconds < 0.5

    planned = net.run(cli, "up", "--uplink", "--check")
    assert (planned.code, "changed=1" in planned.out) == (0, True), planned.text
    assert net.state() == before
    assert "default" not in cli.on("manager", "ip route").out

    assert _up(net, cli, "--uplink") == "1"
    assert _reaches(cli)
    assert _reaches(cli, network="cross-host-ping")
    assert cli.on("manager", "grep ^nameserver /etc/resolv.conf").out == f"nameserver {HOST}\n"
    assert "\nuplink: yes\n" in cli.run("status").out
    assert _found_by_a_stage(cli, tmp_path)
    made = net.state()
    assert _up(net, cli, "--uplink") == "0"
    assert net.state() == made

    assert net.run(cli, "down").code == 0
    assert net.state() == before


def _internet_opens(net: Internet) -> bool:
    """Tell whether the internet can connect to the port that a container publishes."""
    return net.on_internet(KNOCK).code == 0


def test_two_labs_go_out_nobody_comes_in_and_the_last_one_puts_back_what_was(
    net: Internet, labs: tuple[Cli, Cli], inventory
):
    before, state_before = net.inventory(), net.state()
    hosts = [*_one_host(inventory), "--uplink"]
    first, second = labs
    ups = [net.start(cli, "up", *hosts) for cli in labs]
    assert [up.wait(60) for up in ups] == [0, 0]
    assert all(_reaches(cli) for cli in labs)
    assert net.on_machine(FORWARDING).out == "1\n"

    assert second.run("docker", "manager", "--", "run", "-d", "-p", "8080:80", WEB_TAG).code == 0
    assert net.on_internet(TO_MACHINE).code == 0
    assert all(cli.on("manager", TO_MACHINE).code != 0 for cli in labs)
    second.outside(KNOCK)
    transfer = second.outside(f"ip -4 -o address show dev {PORT}").split()[3].partition("/")[0]
    net.on_internet(f"ip route replace 198.18.0.0/15 via {MACHINE}")
    net.on_machine(f"ip route replace 198.18.0.0/24 via {transfer}")
    assert not _internet_opens(net)
    net.on_machine(f"nft delete table inet {table_name(second.lab)}")
    second.outside(f"nft delete table inet {PORT}")
    assert _internet_opens(net), "the route alone would let the internet in"
    assert _up(net, second) == "1"
    assert not _internet_opens(net)
    net.on_machine("ip route delete 198.18.0.0/24")

    assert net.run(first, "down").code == 0
    assert net.on_machine(FORWARDING).out == "1\n"
    assert _reaches(second)
    assert net.run(second, "down").code == 0
    assert net.state() == state_before
    assert machine.differences(before, net.inventory()) == {}


def _recorded(_: Internet, cli: Cli) -> bool:
    known = state.read(cli.paths)
    return known is not None and known.uplink is not None


def _ruled(net: Internet, cli: Cli) -> bool:
    return net.on_machine(f"nft list table inet {table_name(cli.lab)}").code == 0


@pytest.mark.parametrize("moment", [_recorded, _ruled], ids=["when it is recorded", "when its rules are there"])
def test_down_takes_away_the_uplink_of_a_killed_up(
    net: Internet, labs: tuple[Cli, Cli], inventory, moment: Callable[[Internet, Cli], bool]
):
    cli, before = labs[0], net.state()
    up = net.start(cli, "up", "--uplink", *_one_host(inventory))
    deadline = time.monotonic() + 20
    while not moment(net, cli) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(up.pid, signal.SIGKILL)
    up.wait(20)
    assert _recorded(net, cli)
    assert net.run(cli, "down").code == 0
    assert net.state() == before


def test_a_firewall_that_drops_what_is_forwarded_is_told_with_the_way_through(
    net: Internet, labs: tuple[Cli, Cli], inventory
):
    cli, hosts = labs[0], _one_host(inventory)
    chain, link = "ip other FORWARD", link_name(labs[0].lab)
    net.on_machine(
        f"nft 'add table ip other; add chain {chain} {{ type filter hook forward priority 0; policy drop; }}'"
    )
    try:
        done = net.run(cli, "up", "--uplink", *hosts)
        assert done.code == 3, done.text
        assert "chain FORWARD of table ip other on this machine drops what an uplink forwards" in done.err
        assert not cli.paths.state.exists()
        for way in ("iifname", "oifname"):
            rule = f"nft insert rule {chain} {way} {link} accept"
            assert rule in done.err
            assert net.on_machine(rule).code == 0
        assert net.run(cli, "up", "--uplink", "--check", *hosts).code == 0
    finally:
        net.on_machine("nft delete table ip other")


def test_a_machine_without_a_name_server_that_hosts_can_reach(net: Internet, labs: tuple[Cli, Cli], inventory):
    cli, loopback = labs[0], "nameserver 127.0.0.53\nnameserver ::1\n"
    done = net.run(cli, "up", "--uplink", *_one_host(inventory), resolver=loopback)
    assert done.code == 3, done.text
    assert "no name server" in done.err
    assert "lab_uplink_nameservers" in done.err
    assert not cli.paths.state.exists()
    given = _one_host(inventory, lab_uplink=True, lab_uplink_nameservers=[HOST])
    assert net.run(cli, "up", "--check", *given, resolver=loopback).code == 0


def test_an_uplink_is_wanted_or_not(net: Internet, labs: tuple[Cli, Cli], inventory):
    done = net.run(labs[0], "up", *_one_host(inventory, lab_uplink="maybe"))
    assert done.code == 2, done.text
    assert "lab_uplink must be true or false, not maybe" in done.err
