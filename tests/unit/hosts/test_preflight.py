"""The judgement over all hosts, each problem a line that begins with its host's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from lab.hosts.preflight import Addresses, EngineFacts, Wish, addresses, problems
from lab.hosts.survey import Address, Route, Survey

READY = Wish(become=True)
ONE, OTHER = "fmuktbhbj5f92s9x163mswvh2", "x2v0bjy4t6r8m1c3k5p7q9w0e"


def host(name: str, number: int, **changes: object) -> Survey:
    """Return a host that nothing is wrong with, but for ``changes``."""
    address = f"192.0.2.{number}"
    sound = Survey(
        host=name,
        hostname=name,
        machine_id=f"{number:032x}",
        os_id="debian",
        kernel="6.1.0-18-amd64",
        architecture="x86_64",
        uid=1000,
        user="admin",
        groups=("admin", "docker"),
        ssh_address=address,
        mtus={"lo": 65536, "eth0": 1500},
        addresses=(Address("lo", "127.0.0.1", 8), Address("eth0", address, 24)),
        routes=(Route("0.0.0.0/0", "eth0", "192.0.2.1"), Route("192.0.2.0/24", "eth0", "")),
        dockerd=True,
        docker_cli=True,
        socket="open",
        disk_path="/",
        disk_free_mib=9000,
        memory_mib=2000,
        sudo="free",
        root=True,
        features=dict.fromkeys(("vxlan", "bridge", "veth", "br_netfilter", "overlay", "ip_vs", "esp4"), "yes"),
    )
    return replace(sound, **changes)


def hosts(**changes: Mapping[str, object]) -> dict[str, Survey]:
    """Return three hosts, ``manager``, ``worker_1`` and ``worker_2`` (with hyphens), each with its changes."""
    names = ("manager", "worker-1", "worker-2")
    return {
        name: host(name, number, **changes.get(name.replace("-", "_"), {})) for number, name in enumerate(names, 11)
    }


def judged(surveys: Mapping[str, Survey], wishes: Mapping[str, Wish] | None = None, **more: object) -> list[str]:
    found = problems(surveys, {name: (wishes or {}).get(name, READY) for name in surveys}, **more)
    for line in found:
        assert "\n" not in line
        assert all(name in surveys for name in line.partition(":")[0].split(", ")), line
    return found


def test_of_sound_hosts_there_is_nothing_to_say():
    assert judged(hosts()) == []
    assert judged(hosts(), engines={name: EngineFacts("28.2.2", name, live_restore=False) for name in hosts()}) == []
    assert addresses(hosts(), dict.fromkeys(hosts(), READY)) == {
        "manager": Addresses("192.0.2.11", "192.0.2.11"),
        "worker-1": Addresses("192.0.2.12", "192.0.2.12"),
        "worker-2": Addresses("192.0.2.13", "192.0.2.13"),
    }


def test_everything_is_told_at_once():
    found = judged(
        hosts(
            manager={"live_restore": True},
            worker_1={"disk_free_mib": 120, "clock_offset_s": 95.0},
            worker_2={"dockerd": False, "socket": "absent"},
        )
    )
    assert [line.partition(":")[0] for line in found] == ["manager", "worker-1", "worker-2", "worker-1"]


def test_a_host_that_told_nothing_has_one_problem():
    assert judged({**hosts(), "worker-3": Survey("worker-3")}) == [
        "worker-3: told nothing of itself; is /bin/sh there?"
    ]


def test_clones_are_named_together():
    found = judged(
        hosts(
            worker_1={"hostname": "debian", "machine_id": "c" * 32},
            worker_2={"hostname": "debian", "machine_id": "c" * 32},
        ),
        engines={
            "manager": EngineFacts("28.2.2", "a", live_restore=False),
            "worker-1": EngineFacts("28.2.2", "b", live_restore=False),
            "worker-2": EngineFacts("28.2.2", "b", live_restore=False),
        },
    )
    assert [line.partition(";")[0].partition(", as")[0] for line in found] == [
        "worker-1, worker-2: the same hostname debian",
        f"worker-1, worker-2: the same machine-id {'c' * 32}",
        "worker-1, worker-2: the same engine id b",
    ]


@pytest.mark.parametrize("machine_id", ["", "uninitialized"])
def test_no_machine_id_is_nobodys(machine_id: str):
    assert judged(hosts(manager={"machine_id": machine_id}, worker_1={"machine_id": machine_id})) == []


def test_a_host_is_called_as_it_calls_itself():
    (line,) = judged(hosts(worker_2={"hostname": "web"}))
    assert line.startswith("worker-2: calls itself web;")


@pytest.mark.parametrize(
    ("offsets", "off"),
    [
        ((0, 0, 95), {"worker-2": "95 s ahead of"}),
        ((-200, 0.3, 0.1), {"manager": "200 s behind"}),
        ((3600, 3600, 0), {"worker-2": "3600 s behind"}),
        ((-14, 15, 0), {}),
        ((-20, 21, 0), {"worker-1": "21 s ahead of"}),
        ((-500, 0, 500), {"manager": "500 s behind", "worker-2": "500 s ahead of"}),
    ],
)
def test_the_clock_that_is_off_is_named(offsets: tuple[float, float, float], off: dict[str, str]):
    a, b, c = offsets
    found = judged(hosts(manager={"clock_offset_s": a}, worker_1={"clock_offset_s": b}, worker_2={"clock_offset_s": c}))
    assert {
        line.partition(":")[0]: line.partition("clock is ")[2].partition(" the others'")[0] for line in found
    } == off


def test_of_two_clocks_the_one_that_is_off_here_too_is_named():
    two = {name: one for name, one in hosts(worker_1={"clock_offset_s": 40.0}).items() if name != "worker-2"}
    (line,) = judged(two)
    assert line.startswith("worker-1: its clock is 40 s ahead of the others'")


SEVERAL = (Address("lo", "127.0.0.1", 8), Address("eth0", "192.0.2.12", 24), Address("eth1", "198.51.100.12", 24))


@pytest.mark.parametrize(
    ("wish", "advertise", "data_path"),
    [
        (Wish(), "192.0.2.12", "192.0.2.12"),
        (Wish(advertise_address="198.51.100.12"), "198.51.100.12", "198.51.100.12"),
        (Wish(advertise_interface="eth1"), "198.51.100.12", "198.51.100.12"),
        (Wish(data_path_address="198.51.100.12"), "192.0.2.12", "198.51.100.12"),
    ],
)
def test_a_host_is_a_member_at_the_address_asked_for_else_at_that_of_ssh(wish: Wish, advertise: str, data_path: str):
    surveys = hosts(worker_1={"addresses": SEVERAL, "mtus": {"lo": 65536, "eth0": 1500, "eth1": 1500}})
    wishes = {**dict.fromkeys(surveys, READY), "worker-1": replace(wish, become=True)}
    assert judged(surveys, wishes) == []
    assert addresses(surveys, wishes)["worker-1"] == Addresses(advertise, data_path)


@pytest.mark.parametrize(
    ("wish", "line"),
    [
        (
            Wish(advertise_address="203.0.113.1"),
            "worker-1: advertise_address 203.0.113.1 is not on it; it has 127.0.0.1 (lo), 192.0.2.12 (eth0)",
        ),
        (
            Wish(advertise_interface="ens3"),
            "worker-1: advertise_interface ens3 is not there; its interfaces are lo, eth0, eth1",
        ),
        (
            Wish(advertise_interface="eth1"),
            "worker-1: advertise_interface eth1 has no IPv4 address; it has 127.0.0.1 (lo), 192.0.2.12 (eth0)",
        ),
        (
            Wish(data_path_address="203.0.113.1"),
            "worker-1: data_path_address 203.0.113.1 is not on it; it has 127.0.0.1 (lo), 192.0.2.12 (eth0)",
        ),
    ],
)
def test_an_address_asked_for_must_be_there(wish: Wish, line: str):
    surveys = hosts(worker_1={"mtus": {"lo": 65536, "eth0": 1500, "eth1": 1500}})
    assert judged(surveys, {"worker-1": replace(wish, become=True)}) == [line]


def test_behind_a_forwarded_port_the_only_address_of_its_own_is_taken():
    bridges = (Address("docker0", "172.17.0.1", 16), Address("br-0123456789ab", "172.19.0.1", 16))
    surveys = hosts(worker_1={"ssh_address": "203.0.113.5", "addresses": (*SEVERAL[:2], *bridges)})
    assert judged(surveys) == []
    assert addresses(surveys, dict.fromkeys(surveys, READY))["worker-1"].advertise == "192.0.2.12"
    (line,) = judged(hosts(worker_1={"ssh_address": "203.0.113.5", "addresses": SEVERAL}))
    assert line.startswith("worker-1: which of its addresses is the swarm's: 192.0.2.12 (eth0), 198.51.100.12 (eth1)?")


def test_loopback_is_no_use_to_others():
    at_home = {"ssh_address": "127.0.0.1", "addresses": SEVERAL[:1]}
    (line,) = judged(hosts(worker_1=at_home))
    assert line == "worker-1: it has no address that others could reach (127.0.0.1 (lo))"
    alone = {"manager": host("manager", 11, **at_home)}
    assert judged(alone) == []
    assert addresses(alone, {"manager": READY})["manager"].advertise == "127.0.0.1"


def test_two_hosts_at_one_address_are_named_together():
    behind = {"ssh_address": "10.200.2.15", "addresses": (Address("eth0", "10.200.2.15", 24),)}
    (line,) = judged(hosts(worker_1=behind, worker_2=behind))
    assert line.startswith("worker-1, worker-2: the same address 10.200.2.15;")


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        (Route("10.0.0.0/8", "tun0", "10.8.0.1"), "its route to 10.0.0.0/8 via 10.8.0.1 (tun0) overlaps 10.0.0.0/24"),
        (Route("10.0.0.0/16", "eth0", ""), "its route to 10.0.0.0/16 (eth0) overlaps 10.0.0.0/24, which the swarm"),
        (Route("10.0.3.7/32", "wg0", ""), "its route to 10.0.3.7/32 (wg0) overlaps 10.0.3.0/24, which the swarm"),
        (Route("172.18.0.0/16", "tun0", "10.8.0.1"), "its route to 172.18.0.0/16 via 10.8.0.1 (tun0) overlaps 172.18"),
        (Route("172.18.5.0/24", "eth1", ""), ""),
        (Route("10.0.10.0/24", "eth1", ""), ""),
        (Route("10.200.0.0/16", "eth1", ""), ""),
        (Route("10.0.0.0/24", "br-0123456789ab", ""), ""),
        (Route("172.18.0.0/16", "docker_gwbridge", ""), ""),
        (Route("172.17.0.0/16", "docker0", ""), ""),
    ],
)
def test_a_route_is_in_the_way_where_the_swarm_takes_its_subnets(route: Route, problem: str):
    sound = hosts()["worker-1"].routes
    found = judged(hosts(worker_1={"routes": (*sound, route)}))
    assert len(found) == bool(problem)
    assert all(line.startswith(f"worker-1: {problem}") for line in found)


def test_other_pools_are_in_nobodys_way():
    sound = hosts()["worker-1"].routes
    surveys = hosts(worker_1={"routes": (*sound, Route("10.0.0.0/8", "tun0", ""))})
    assert judged(surveys, pools=("172.30.0.0/16",)) == []
    assert judged(surveys, pools=("172.30.0.0/24", "10.0.0.0/8"))[0].startswith("worker-1: its route to 10.0.0.0/8")


def test_the_gateway_bridge_is_where_it_is():
    sound = hosts()["worker-1"].routes
    bridge = Route("172.20.0.0/16", "docker_gwbridge", "")
    away = Route("172.18.0.0/16", "tun0", "10.8.0.1")
    assert judged(hosts(worker_1={"routes": (*sound, bridge, away)})) == []
    (line,) = judged(hosts(worker_1={"routes": (*sound, bridge, replace(away, network="172.20.1.0/24"))}))
    assert "overlaps 172.20.0.0/16, which docker_gwbridge would take" in line


@pytest.mark.parametrize(
    ("mtus", "named"),
    [
        ((1500, 1500, 9000), []),
        ((1400, 1400, 1400), []),
        ((1500, 1400, 1500), ["worker-1: the MTU of eth0 is 1400, others' 1500"]),
        ((1500, 1200, 1500), ["worker-1: the MTU of eth0 is 1200; an overlay needs 1280"]),
    ],
)
def test_packets_of_one_size_must_pass_everywhere(mtus: tuple[int, int, int], named: list[str]):
    a, b, c = ({"mtus": {"lo": 65536, "eth0": mtu}} for mtu in mtus)
    found = judged(hosts(manager=a, worker_1=b, worker_2=c))
    assert [line[: len(start)] for line, start in zip(found, named, strict=True)] == named


@pytest.mark.parametrize(("free", "enough"), [(499, False), (500, True), (-1, True)])
def test_room_is_told_with_what_is_needed(free: int, enough: bool):
    found = judged(hosts(worker_1={"disk_free_mib": free}))
    assert found == [] if enough else found[0].startswith("worker-1: 499 MiB are free for /var/lib/docker (on /), 500")


@pytest.mark.parametrize(
    ("feature", "state", "matters"),
    [("vxlan", "no", True), ("vxlan", "unknown", False), ("ip_vs", "no", False), ("esp4", "no", False)],
)
def test_a_kernel_must_have_what_overlays_need(feature: str, state: str, matters: bool):
    features = {**hosts()["manager"].features, feature: state}
    found = judged(hosts(worker_1={"features": features}))
    assert len(found) == matters
    assert all(line.startswith("worker-1: its kernel (6.1.0-18-amd64) has no vxlan") for line in found)


@pytest.mark.parametrize(
    ("install", "os_id", "os_like", "problem"),
    [
        (False, "debian", (), "has no Docker Engine; docker_engine_install: true in the inventory lets the lab"),
        (True, "debian", (), ""),
        (True, "rocky", ("rhel", "centos", "fedora"), ""),
        (True, "alpine", (), "has no Docker Engine, and the lab cannot install one on alpine"),
        (True, "", (), "has no Docker Engine, and the lab cannot install one on unknown"),
    ],
)
def test_a_host_without_an_engine(install: bool, os_id: str, os_like: tuple[str, ...], problem: str):
    surveys = hosts(worker_1={"dockerd": False, "socket": "absent", "os_id": os_id, "os_like": os_like})
    found = judged(surveys, {"worker-1": replace(READY, docker_engine_install=install)})
    assert len(found) == bool(problem)
    assert all(line.startswith(f"worker-1: {problem}") for line in found)


@pytest.mark.parametrize(
    ("version", "old"),
    [("1.13.1", True), ("17.05.0-ce", True), ("17.06.2-ce", False), ("20.10.24+dfsg1", False), ("dev", False)],
)
def test_an_engine_must_be_new_enough(version: str, old: bool):
    found = judged(hosts(), engines={"worker-1": EngineFacts(version, "a", live_restore=False)})
    assert found == ([f"worker-1: its engine is {version}; 17.06 or newer is needed: upgrade it"] if old else [])


@pytest.mark.parametrize("by", ["file", "engine"])
def test_live_restore_is_refused_by_a_swarm(by: str):
    facts = EngineFacts("28.2.2", "a", live_restore=by == "engine")
    (line,) = judged(hosts(worker_1={"live_restore": by == "file"}), engines={"worker-1": facts})
    assert line == (
        'worker-1: live-restore is on, and a swarm refuses live-restore; set "live-restore": false in '
        "/etc/docker/daemon.json and restart the engine"
    )


@pytest.mark.parametrize(
    ("changes", "wish", "starts"),
    [
        ({"uid": 0, "user": "root"}, Wish(), []),
        ({}, Wish(), ["user admin is not root; the firewall and the engine need it: ansible_become: true"]),
        (
            {"socket": "denied"},
            Wish(),
            [
                "user admin may not open the engine's socket (group docker missing): usermod -aG",
                "user admin is not root",
            ],
        ),
        ({"socket": "denied"}, READY, []),
        ({"sudo": "none"}, READY, ["has no sudo for user admin"]),
        ({"sudo": "password"}, READY, []),
        ({"sudo": "password"}, replace(READY, become_password=False), ["sudo asks user admin for a password"]),
    ],
)
def test_the_user_must_have_a_way_to_root(changes: dict[str, object], wish: Wish, starts: list[str]):
    found = judged(hosts(worker_1=changes), {"worker-1": wish})
    assert len(found) == len(starts)
    for line, start in zip(found, starts, strict=True):
        assert line.startswith(f"worker-1: {start}")


MANAGER, WORKER = ({"cluster_id": ONE, "node_role": role} for role in ("manager", "worker"))
ANSWERS = {"manager": EngineFacts("28.2.2", "a", live_restore=False)}


def test_hosts_of_the_labs_own_swarm_are_welcome():
    assert judged(hosts(manager=MANAGER, worker_1=WORKER), engines=ANSWERS, own_cluster=ONE) == []


def test_a_host_of_another_swarm_is_not():
    stranger = {"cluster_id": OTHER, "node_role": "worker"}
    surveys = hosts(manager=MANAGER, worker_1=WORKER, worker_2=stranger)
    assert judged(surveys, engines=ANSWERS, own_cluster=ONE) == [
        f"worker-2: belongs to swarm {OTHER}, which is not this lab's: docker swarm leave --force there, or "
        "swarm_foreign: left in the inventory"
    ]
    assert judged(surveys, engines=ANSWERS, own_cluster=ONE, leave_others=True) == []


def test_a_swarm_where_the_lab_has_none_yet_is_somebody_elses():
    (line,) = judged(hosts(worker_2=WORKER))
    assert line.startswith(f"worker-2: belongs to swarm {ONE}")
    (line,) = judged(hosts(manager=MANAGER), engines=ANSWERS)
    assert line.startswith(f"manager: belongs to swarm {ONE}")


def test_two_hosts_in_two_swarms_are_told_both():
    found = judged(hosts(worker_1=MANAGER, worker_2={"cluster_id": OTHER, "node_role": "manager"}))
    assert [line.partition(",")[0] for line in found] == [
        f"worker-1: belongs to swarm {ONE}",
        f"worker-2: belongs to swarm {OTHER}",
    ]


def test_whose_swarm_it_is_nobody_can_tell_while_its_managers_engines_are_down():
    assert judged(hosts(manager=MANAGER, worker_1=WORKER, worker_2=WORKER)) == []
