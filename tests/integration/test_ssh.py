"""Hosts that are reached by SSH: the same lab, on hosts that were there before and are given back."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.hosts.base import LabPaths
from lab.project import project
from lab.stages import stages
from tests.integration.command import verdicts
from tests.integration.remote import USER, Remote
from tests.integration.stages import QUICK, expected

HOSTS = ("manager", "worker-1", "worker-2")
IN_GROUP = ("manager", "worker-1")
"""Hosts whose engine the user reaches by the group docker; on the other by sudo."""
POOL = "192.168.128.0/18"


@pytest.fixture(scope="module")
def remote(remote_layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """Three hosts without Python, their engines running, with something of their owner's on each."""
    made = Remote(LabPaths.of("test-remote-hosts"), remote_layer, tmp_path_factory.mktemp("user"))
    try:
        made.start(*HOSTS)
        for host in IN_GROUP:
            made.on(host, f"usermod -aG docker {USER}")
        yield made
    finally:
        made.end(lambda: made.run("down", "--force"))


@pytest.fixture(scope="module")
def hosts(remote: Remote) -> str:
    """The inventory of the three hosts, with a label for one node."""
    own = {"worker-1": {"advertise_interface": "eth0"}, "worker-2": {"node_labels": {"disk": "ssd"}}}
    common = {"swarm_address_pools": [POOL], **QUICK}
    return str(remote.inventory(["manager"], ["worker-1", "worker-2"], own, **common))


@pytest.fixture(scope="module")
def up(remote: Remote, hosts: str) -> dict:
    """The first ``up``, and how the hosts were before it."""
    remote.on("worker-1", "docker network create owners-net; docker volume create owners-volume")
    return {"before": remote.seen(HOSTS), "result": remote.json("up", "-i", hosts)}


def test_the_hosts_have_no_python(remote: Remote):
    assert [remote.on(host, "command -v python3 || echo none").out for host in HOSTS] == ["none\n"] * 3


def test_up_makes_them_a_swarm_whose_overlay_reaches_everybody(up: dict):
    result = up["result"]
    assert [(node["hostname"], node["state"]) for node in result["nodes"]] == [(host, "ready") for host in HOSTS]
    assert len(result["pings"]) == 6
    assert set(verdicts(result).values()) == {"pass"}


def test_each_host_was_connected_to_once(remote: Remote, up: dict):
    del up
    assert {host: remote.connections(host) for host in HOSTS} == dict.fromkeys(HOSTS, 1)


def test_after_a_run_no_connection_and_no_socket_is_left(remote: Remote, up: dict):
    del up
    assert remote.ssh_processes() == []
    assert [path for path in (remote.folder / "run").rglob("*") if not path.is_dir()] == []


def test_no_engine_listens_at_a_port(remote: Remote, up: dict):
    del up
    listening = remote.on("worker-2", "cat /proc/net/tcp /proc/net/tcp6").out
    assert ":0947 " not in listening  # 2375
    assert ":0948 " not in listening  # 2376


def test_overlays_get_their_networks_out_of_the_pool_asked_for(remote: Remote, up: dict):
    del up
    form = "{{(index .IPAM.Config 0).Subnet}}"
    for network in ("ingress", "cross-host-ping"):
        told = remote.run("docker", "manager", "--", "network", "inspect", "-f", form, network).out
        assert ipaddress.ip_network(told.strip()).subnet_of(ipaddress.ip_network(POOL))


def test_a_node_has_its_label(remote: Remote, up: dict):
    del up
    told = remote.run("docker", "manager", "--", "node", "inspect", "worker-2", "-f", "{{.Spec.Labels.disk}}")
    assert told.out == "ssd\n"


def test_a_second_up_changes_nothing_and_keeps_the_nodes(remote: Remote, hosts: str, up: dict):
    again = remote.json("up", "-i", hosts)
    assert again["changed"] == 0
    assert [node["id"] for node in again["nodes"]] == [node["id"] for node in up["result"]["nodes"]]


def test_commands_reach_each_host_as_on_an_embedded_lab(remote: Remote, up: dict):
    del up
    assert remote.run("shell", "worker-2", "--", "sh", "-c", "echo $HOSTNAME; exit 7").code == 7
    assert remote.run("shell", "worker-1", "--", "hostname").out == "worker-1\n"
    assert remote.run("docker", "worker-2", "--", "info", "-f", "{{.Name}}").out == "worker-2\n"
    status = json.loads(remote.run("status", "--json").out)
    assert [(host["name"], host["swarm"]) for host in status["hosts"]] == [(host, "active") for host in HOSTS]
    assert remote.ssh_processes() == []


def test_every_stage_passes_with_the_same_verdicts_by_sockets_of_the_user_alone(
    remote: Remote, hosts: str, up: dict, tmp_path: Path
):
    del up
    told = tmp_path / "result.json"
    run = remote.start_lab("stage", "run", "all", "-i", hosts, "--json", str(told))
    assert remote.sockets_while(run) == {"": 0o700, **dict.fromkeys(HOSTS, 0o600)}
    result = json.loads(told.read_text())
    assert verdicts(result) == expected(remote, [stage.name for stage in stages(project())])


def test_what_is_somebody_elses_keeps_the_swarm_until_it_is_told_to_go(remote: Remote, up: dict):
    del up
    remote.run("docker", "manager", "--", "network", "create", "-d", "overlay", "owners-overlay")
    done = remote.run("down")
    assert done.code == 2
    assert "network owners-overlay" in done.err
    assert "nothing was changed" in done.err
    status = json.loads(remote.run("status", "--json").out)
    assert [len(host["containers"]) for host in status["hosts"]] == [1, 1, 1]


def test_down_gives_the_hosts_back_as_they_were(remote: Remote, up: dict):
    result = remote.json("down", "--force")
    assert verdicts(result) == {f"give-back.{host}": "pass" for host in HOSTS}
    assert remote.seen(HOSTS) == up["before"]
    assert remote.ssh_processes() == []
    assert not (remote.folder / "state").exists()
    assert remote.run("down").out == f"lab '{remote.lab}' is not up: nothing to remove\n"
