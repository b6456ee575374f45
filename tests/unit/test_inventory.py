"""Judging an inventory: every problem at once, one clear line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.errors import InvalidInput
from lab.hosts.base import LabSpec
from lab.inventory import Inventory, check_file, known_variables, provider_name, validate

MANAGERS, WORKERS = ("manager",), ("worker-1", "worker-2")


def inventory(
    managers: Sequence[str] = MANAGERS,
    workers: Sequence[str] = WORKERS,
    every: Mapping[str, Any] | None = None,
    **hosts: Mapping[str, Any],
) -> Inventory:
    """Return an inventory; ``every`` are variables of all hosts, the rest those of one, ``worker_1`` for worker-1."""
    own = {name.replace("_", "-"): variables for name, variables in hosts.items()}
    members = (*managers, *workers)
    groups = {"managers": managers, "workers": workers}
    return Inventory(groups, {host: {**(every or {}), **own.get(host, {})} for host in members}, "lab.yml")


def problems(asked: Inventory) -> tuple[str, ...]:
    """Return what is wrong with an inventory."""
    with pytest.raises(InvalidInput) as raised:
        validate(asked)
    assert str(len(raised.value.problems)) in raised.value.message
    return raised.value.problems


def addresses(spec: LabSpec) -> list[str]:
    return [host.address for host in spec.hosts]


BAD = {
    "a host image that there is not": (
        inventory(worker_1={"lab_host_root": "trixi"}),
        ["worker-1:", "no host image trixi", "did you mean trixie?"],
    ),
    "an image for hosts that have a root": (
        inventory(every={"lab_provider": "ssh", "ansible_become": True, "lab_host_root": "trixie"}),
        ["manager, worker-1, worker-2:", "have a root of their own"],
    ),
    "memory that is no number": (inventory(worker_1={"lab_host_memory_mib": "much"}), ["worker-1:", "much"]),
    "no manager": (inventory(managers=()), ["managers", "no host"]),
    "a host in both groups": (inventory(workers=("worker-1", "manager")), ["manager:", "both groups"]),
    "an address twice": (
        inventory(manager={"lab_address": "198.18.0.9"}, worker_2={"lab_address": "198.18.0.9"}),
        ["manager, worker-2", "same address 198.18.0.9"],
    ),
    "an address that is none": (inventory(worker_1={"lab_address": "198.18.0"}), ["worker-1:", "'198.18.0'"]),
    "an IPv6 address": (inventory(worker_1={"lab_address": "fe80::1"}), ["worker-1:", "no IPv4 address"]),
    "an address elsewhere": (
        inventory(worker_1={"lab_address": "10.0.0.1"}),
        ["worker-1:", "10.0.0.1", "outside the segment 198.18.0.0/24"],
    ),
    "the network's address": (inventory(worker_1={"lab_address": "198.18.0.0"}), ["worker-1:", "reserved"]),
    "the broadcast address": (inventory(worker_1={"lab_address": "198.18.0.255"}), ["worker-1:", "reserved"]),
    "the outsider's address": (inventory(worker_1={"lab_address": "198.18.0.254"}), ["worker-1:", "reserved"]),
    "a host name in capitals": (inventory(workers=("Worker",)), ["Worker:", "no valid host name"]),
    "a host name with a dot": (inventory(workers=("worker.1",)), ["worker.1:", "no valid host name"]),
    "a host name that ends in a hyphen": (inventory(workers=("worker-",)), ["worker-:", "no valid host name"]),
    "a host name that is too long": (inventory(workers=("w" * 64,)), ["w" * 64, "no valid host name"]),
    "a variable misspelt": (
        inventory(every={"lab_segmnet": "198.18.0.0/24"}),
        ["manager, worker-1, worker-2:", "lab_segmnet", "did you mean lab_segment?"],
    ),
    "a role's variable misspelt": (
        inventory(worker_2={"swarm_deadlin": 3}),
        ["worker-2:", "swarm_deadlin ", "did you mean swarm_deadline?"],
    ),
    "a provider that is none": (inventory(every={"lab_provider": "cloud"}, workers=()), ["'cloud'", "netns"]),
    "a segment that is none": (inventory(every={"lab_segment": "everywhere"}), ["'everywhere'", "198.18.0.0/24"]),
    "a segment with host bits": (inventory(every={"lab_segment": "198.18.0.1/24"}), ["'198.18.0.1/24'"]),
    "an IPv6 segment": (inventory(every={"lab_segment": "fd00::/64"}), ["'fd00::/64'", "IPv4"]),
    "a segment too small": (inventory(every={"lab_segment": "198.18.0.0/30"}), ["198.18.0.0/30", "too small", "3"]),
    "an uplink that is neither wanted nor not": (
        inventory(every={"lab_uplink": "maybe"}),
        ["lab_uplink must be true or false, not maybe"],
    ),
    "an uplink for some": (inventory(worker_1={"lab_uplink": True}), ["with an uplink and without"]),
    "a name server that is none": (
        inventory(every={"lab_uplink_nameservers": ["192.0.2.53", "dns.example.com"]}),
        ["no host can reach 'dns.example.com'"],
    ),
    "a name server on the segment": (
        inventory(every={"lab_uplink_nameservers": ["198.18.0.53"]}),
        ["no host can reach '198.18.0.53'"],
    ),
    "a name server in no list": (inventory(every={"lab_uplink_nameservers": "192.0.2.53"}), ["must be a list"]),
    "several segments": (
        inventory(worker_1={"lab_segment": "10.9.0.0/24"}),
        ["several segments", "10.9.0.0/24", "198.18.0.0/24"],
    ),
}


@pytest.mark.parametrize(("asked", "words"), BAD.values(), ids=BAD.keys())
def test_each_mistake_gives_one_clear_line(asked: Inventory, words: list[str]):
    (line,) = problems(asked)
    assert [word for word in words if word not in line] == []
    assert "\n" not in line


def test_all_mistakes_are_told_at_once():
    asked = inventory(
        managers=(),
        workers=("Worker", "one", "two", "three", "four"),
        every={"lab_segmnet": 1},
        one={"lab_address": "198.18.0.7"},
        two={"lab_address": "198.18.0.7"},
        three={"lab_address": "10.0.0.1"},
        four={"lab_address": "four", "lab_provider": "cloud"},
    )
    told = "\n".join(problems(asked))
    words = ["no host", "Worker:", "same address", "outside", "'four'", "lab_segmnet", "'cloud'"]
    assert [word for word in words if word not in told] == []
    assert len(told.splitlines()) == len(words)


def test_a_lab_has_its_managers_first_each_host_once_and_the_place_it_came_from():
    spec = validate(inventory(every={"lab_name": "other"}))
    assert [host.name for host in spec.hosts] == ["manager", "worker-1", "worker-2"]
    assert (spec.name, spec.segment, spec.inventory) == ("other", "198.18.0.0/24", "lab.yml")


def test_hosts_without_an_address_get_the_next_free_one_in_order():
    assert addresses(validate(inventory())) == ["198.18.0.11", "198.18.0.12", "198.18.0.13"]


def test_an_address_that_was_asked_for_is_kept_and_given_to_nobody_else():
    spec = validate(inventory(worker_2={"lab_address": "198.18.0.11"}))
    assert addresses(spec) == ["198.18.0.12", "198.18.0.13", "198.18.0.11"]


def test_in_a_small_segment_addresses_begin_at_the_first():
    spec = validate(inventory(every={"lab_segment": "192.0.2.8/29"}))
    assert addresses(spec) == ["192.0.2.9", "192.0.2.10", "192.0.2.11"]


@pytest.mark.parametrize(("segment", "hosts"), [("192.0.2.0/29", 5), ("192.0.2.0/26", 40), ("198.18.0.0/16", 300)])
def test_every_host_gets_an_address_of_its_own_that_nobody_else_has(segment: str, hosts: int):
    workers = [f"worker-{number}" for number in range(1, hosts)]
    given = addresses(validate(inventory(workers=workers, every={"lab_segment": segment})))
    assert len(set(given)) == hosts


def test_a_segment_is_as_good_as_full_only_when_it_has_no_address_left():
    workers = [f"worker-{number}" for number in range(1, 60)]
    assert len(set(addresses(validate(inventory(workers=workers, every={"lab_segment": "192.0.2.0/26"}))))) == 60


@pytest.mark.parametrize("variable", ["lab_address", "swarm_deadline", "lab_images_source", "swarm_ports_encrypted"])
def test_the_variables_of_the_roles_are_known(variable: str):
    assert variable in known_variables()


@pytest.mark.parametrize("variable", ["ansible_connection", "my_own", "labels"])
def test_variables_of_others_are_nobodys_business(variable: str):
    assert validate(inventory(every={variable: 1})).name == "lab"


def test_the_provider_is_netns_unless_another_is_named():
    assert provider_name(inventory()) == "netns"
    assert provider_name(inventory(every={"lab_provider": "vm"})) == "vm"


@pytest.mark.parametrize(("given", "asked"), [(True, True), ("yes", True), (False, False), ("false", False)])
def test_an_uplink_is_asked_for_or_not(given: object, asked: bool):
    assert validate(inventory(every={"lab_uplink": given})).uplink is asked
    assert validate(inventory()).uplink is False


def test_the_name_servers_of_an_uplink_are_kept_in_order():
    spec = validate(inventory(every={"lab_uplink": True, "lab_uplink_nameservers": ["192.0.2.54", "192.0.2.53"]}))
    assert spec.name_servers == ("192.0.2.54", "192.0.2.53")


def test_a_lab_may_have_no_workers():
    assert addresses(validate(inventory(workers=()))) == ["198.18.0.11"]


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InvalidInput, match=r"nowhere\.yml does not exist"):
        check_file(tmp_path / "nowhere.yml")


@pytest.mark.parametrize(
    ("text", "line"),
    [("all:\n  vars: [1, 2\n", "line 3"), ("all:\n\tvars: 1\n", "line 2"), ("a: 1\nb: 2\n c: 3\n", "line 3")],
)
def test_broken_yaml_is_told_with_its_line(tmp_path: Path, text: str, line: str):
    path = tmp_path / "lab.yml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as raised:
        check_file(path)
    assert f"{path}, {line}, column" in raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("content", [b"", b"- manager\n", b"manager\n", b"\xff\xfe\x00", b"all: \x00\n"])
def test_a_file_without_groups_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "lab.yml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"lab\.yml"):
        check_file(path)


@pytest.mark.parametrize("name", ["hosts", "hosts.ini", "hosts.yml"])
def test_a_good_file_is_accepted(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_text("[managers]\nmanager\n" if name != "hosts.yml" else "managers: {hosts: {manager: }}\n")
    check_file(path)


def test_a_directory_of_inventories_is_left_to_ansible(tmp_path: Path):
    check_file(tmp_path)


def test_a_host_may_have_the_root_of_an_image():
    spec = validate(inventory(worker_1={"lab_host_root": "trixie"}))
    assert [host.image for host in spec.hosts] == ["", "trixie", ""]


def test_virtual_machines_have_addresses_on_the_segment_and_a_disk_from_an_image():
    every = {"lab_provider": "vm", "ansible_become": True, "lab_host_memory_mib": 2048}
    spec = validate(inventory(every=every, worker_2={"lab_host_root": "bookworm", "lab_host_ssh_port": 2201}))
    assert addresses(spec) == ["198.18.0.11", "198.18.0.12", "198.18.0.13"]
    assert [host.image for host in spec.hosts] == ["trixie", "trixie", "bookworm"]
    assert [host.memory_mib for host in spec.hosts] == [2048] * 3
    assert spec.hosts[2].ssh_port == 2201


def test_virtual_machines_have_their_keys_checked():
    every = {"lab_provider": "vm", "ansible_ssh_common_args": "-o StrictHostKeyChecking=no"}
    assert any("turns the check of host keys off" in problem for problem in problems(inventory(every=every)))
