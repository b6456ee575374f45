"""Hosts that cannot be a lab: one line for each problem, and nothing is changed on any host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.hosts.base import LabPaths
from tests.integration.remote import PASSWORD, USER, Remote

HOSTS = ("manager", "worker-1", "worker-2")


@pytest.fixture(scope="module")
def remote(remote_layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    made = Remote(LabPaths.of("test-remote-hosts"), remote_layer, tmp_path_factory.mktemp("user"), lab="test-refused")
    try:
        made.start(*HOSTS)
        yield made
    finally:
        made.end(lambda: made.run("down", "--force"))


@pytest.fixture(scope="module", autouse=True)
def unchanged(remote: Remote) -> Iterator[None]:
    """Nothing is changed on any host by all that is refused here."""
    before = remote.seen(HOSTS)
    yield
    assert remote.seen(HOSTS) == before


@pytest.fixture(autouse=True)
def left_alone(remote: Remote) -> Iterator[None]:
    """No connection outlives a refusal, and no lab is remembered."""
    yield
    assert remote.ssh_processes() == []
    assert "is not up" in remote.run("down").out


def refused(remote: Remote, inventory: Path, code: int = 2) -> list[str]:
    """Bring the lab up, see it refused, and return the lines of its problems, without what all of them begin with."""
    done = remote.run("up", "-i", str(inventory))
    assert done.code == code, done.text
    return done.err.splitlines()


def line(lines: list[str], host: str, *words: str) -> None:
    """See exactly one line about a host that has all the words."""
    found = [one for one in lines if f" {host}: " in f" {one}" and all(word in one for word in words)]
    assert len(found) == 1, "\n".join([host, *words, *lines])


def test_every_host_that_cannot_be_reached_is_told_with_what_to_do(remote: Remote):
    address = remote.addresses["worker-1"]
    keys = remote.folder / "nobody_known"
    keys.write_text("")
    changed = remote.folder / "changed"
    changed.write_text(remote.known_hosts.read_text().replace(remote.addresses["worker-2"], address))
    changed.write_text("".join(line for line in changed.read_text().splitlines(keepends=True)[2:]))
    hosts = {
        "bad-user": {"ansible_host": address, "ansible_user": "nobody-there"},
        "bad-port": {"ansible_host": address, "ansible_port": 2222, "ansible_timeout": 3},
        "bad-name": {"ansible_host": "no-such-host.invalid"},
        "unknown": {"ansible_host": address, "ansible_ssh_common_args": f"-o UserKnownHostsFile={keys}"},
        "changed": {"ansible_host": address, "ansible_ssh_common_args": f"-o UserKnownHostsFile={changed}"},
        "away": {"ansible_host": "198.18.9.99", "ansible_timeout": 3},
    }
    lines = refused(remote, remote.inventory(["manager"], list(hosts), hosts), code=4)
    line(lines, "bad-user", "does not accept this user", "ansible_user")
    line(lines, "bad-port", "does not answer", "ansible_port")
    line(lines, "bad-name", "does not resolve")
    line(lines, "unknown", "host key is not known", "fingerprint")
    line(lines, "changed", "another than the one known", "ssh-keygen -R")
    line(lines, "away", "does not answer")
    assert len([one for one in lines if "SSH: " in one]) == len(hosts)


def test_a_check_of_host_keys_that_is_turned_off_is_refused(remote: Remote):
    hosts = remote.inventory(["manager"], ["worker-1"], ansible_host_key_checking=False)
    line(refused(remote, hosts), "worker-1", "turns the check of host keys off")


def test_all_that_is_wrong_with_the_hosts_is_told_at_once(remote: Remote):
    own = remote.on("manager", "cat /etc/machine-id").out
    undo = dict.fromkeys(HOSTS, "")
    for host, change, back in (
        ("worker-1", f"echo {own.strip()} >/tmp/id; mount --bind /tmp/id /etc/machine-id", "umount /etc/machine-id"),
        (
            "worker-1",
            "printf '#!/bin/sh\\necho $(($(/bin/busybox date +%%s) + 120))\\n' >/tmp/date; chmod 755 /tmp/date; "
            "mount --bind /tmp/date /usr/bin/date",
            "umount /usr/bin/date",
        ),
        ("worker-2", "mount -t tmpfs -o size=8m tmpfs /var/lib/docker", "umount -l /var/lib/docker"),
        (
            "worker-2",
            "mount -t tmpfs tmpfs /etc/docker; echo '{\"live-restore\": true}' >/etc/docker/daemon.json",
            "umount /etc/docker",
        ),
    ):
        assert remote.on(host, change).code == 0
        undo[host] += f"{back};"
    try:
        hosts = remote.inventory(["manager"], ["worker-1", "worker-2"], {"manager": {"advertise_address": "192.0.2.7"}})
        lines = refused(remote, hosts)
    finally:
        for host, script in undo.items():
            assert remote.on(host, script or "true").code == 0
    line(lines, "manager", "192.0.2.7")
    assert [one for one in lines if "machine-id" in one and "manager" in one and "worker-1" in one], "\n".join(lines)
    line(lines, "worker-1", "clock", "120 s")
    line(lines, "worker-2", "MiB are free")
    line(lines, "worker-2", "live-restore")


def test_rights_that_are_missing_are_told(remote: Remote):
    remote.on("worker-1", f"echo '{USER} ALL=(ALL) ALL' >/tmp/asks; mount --bind /tmp/asks /etc/sudoers.d/{USER}")
    try:
        hosts = remote.inventory(["manager"], ["worker-1", "worker-2"], {"worker-2": {"ansible_become": False}})
        lines = refused(remote, hosts)
        wrong = remote.inventory(["manager"], ["worker-1"], ansible_become_password="wrong")
        told = refused(remote, wrong)
    finally:
        remote.on("worker-1", f"umount /etc/sudoers.d/{USER}")
    line(lines, "worker-1", "sudo", "password")
    line(lines, "worker-2", "docker", "usermod -aG docker")
    line(told, "worker-1", "sudo", "password")


def test_a_password_for_sudo_is_enough(remote: Remote):
    remote.on("worker-1", f"echo '{USER} ALL=(ALL) ALL' >/tmp/asks; mount --bind /tmp/asks /etc/sudoers.d/{USER}")
    try:
        hosts = remote.inventory(["manager"], ["worker-1"], {"worker-1": {"ansible_become_password": PASSWORD}})
        done = remote.run("up", "--check", "-i", str(hosts))
    finally:
        remote.on("worker-1", f"umount /etc/sudoers.d/{USER}")
    assert done.code == 0, done.text
    assert PASSWORD not in done.text


def test_workers_alone_are_no_swarm(remote: Remote):
    assert any("needs one" in one for one in refused(remote, remote.inventory([], ["worker-1", "worker-2"])))


def test_hosts_of_two_swarms_are_refused_with_both(remote: Remote):
    clusters = {}
    for host in ("manager", "worker-1"):
        done = remote.on(
            host,
            f"docker swarm init --advertise-addr {remote.addresses[host]} >/dev/null; "
            "docker info -f '{{.Swarm.Cluster.ID}}'",
        )
        clusters[host] = done.out.strip()
    try:
        lines = refused(remote, remote.inventory(["manager"], ["worker-1", "worker-2"]))
    finally:
        for host in clusters:
            remote.on(host, "docker swarm leave --force; docker network rm docker_gwbridge")
    for host, cluster in clusters.items():
        line(lines, host, cluster)


def test_a_way_that_is_blocked_is_named_and_what_was_opened_is_closed_again(remote: Remote):
    block = (
        "nft add table ip gate; nft add chain ip gate shut '{ type filter hook prerouting priority -300; }'; "
        f"nft add rule ip gate shut ip saddr {remote.addresses['worker-2']} tcp dport 2377 drop"
    )
    assert remote.on("manager", block).code == 0
    try:
        done = remote.run("up", "-i", str(remote.inventory(["manager"], ["worker-1", "worker-2"])))
    finally:
        remote.on("manager", "nft delete table ip gate")
        remote.run("down")
    assert done.code != 0
    assert "worker-2 to manager 2377/tcp" in done.err
    assert "worker-1 to manager" not in done.err
