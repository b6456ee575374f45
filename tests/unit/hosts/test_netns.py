"""Embedded hosts, as far as no host is made."""

from __future__ import annotations

import ipaddress
import tempfile
from pathlib import Path

import pytest

from lab.errors import InvalidInput
from lab.hosts import netns, programs, state
from lab.hosts import segment as segment_of
from lab.hosts.base import HostSpec, LabPaths, LabSpec

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
24 22 0:5 / /dev rw - devtmpfs udev rw
30 22 254:3 / /usr rw,relatime shared:9 - ext4 /dev/vda3 rw
31 22 254:2 / /home rw,relatime shared:7 master:2 - xfs /dev/vda2 rw,attr2
32 22 0:40 / /var rw,relatime - btrfs /dev/vdb rw,subvol=/var
33 32 254:5 / /var/lib/docker rw - ext4 /dev/vda5 rw
34 22 0:41 / /tmp rw - tmpfs tmpfs rw
35 22 254:6 / /dev/shm rw - ext4 /dev/vda6 rw
36 22 0:50 / /opt rw - nfs4 server:/opt rw
37 22 254:7 / /home rw - ext4 /dev/vda7 rw
38 22 254:8 / /nowhere/at/all rw - ext4 /dev/vda8 rw
"""


@pytest.mark.parametrize(
    ("segment", "outsider"),
    [("198.18.0.0/24", "198.18.0.254"), ("192.0.2.8/29", "192.0.2.14"), ("10.0.0.0/8", "10.255.255.254")],
)
def test_the_outsider_has_the_last_address_of_the_segment(segment: str, outsider: str):
    assert str(segment_of.outsider(ipaddress.IPv4Network(segment))) == outsider


@pytest.mark.parametrize(("address", "port"), [("198.18.0.11", "pc612000b"), ("10.0.0.1", "p0a000001")])
def test_a_port_is_named_after_the_address(address: str, port: str):
    assert segment_of.port(address) == port
    assert len(port) <= 15


def test_ports_are_unique_on_a_segment():
    addresses = [str(address) for address in ipaddress.IPv4Network("198.18.0.0/22")]
    assert len({segment_of.port(address) for address in addresses}) == len(addresses)


def test_a_host_sees_the_disks_of_the_machine_parents_first():
    assert netns.disks(MOUNTS, Path("/var/lib/swarm-lab")) == ["/home", "/usr", "/var"]


@pytest.mark.parametrize("hidden", ["/home", "/usr", "/var"])
def test_a_host_does_not_see_the_disk_that_holds_only_the_labs(hidden: str):
    assert hidden not in netns.disks(MOUNTS, Path(hidden))


def test_a_disk_may_have_a_space_in_its_name():
    with tempfile.TemporaryDirectory(prefix="my disk ", dir="/var/tmp") as disk:
        line = "40 22 254:9 / " + disk.replace(" ", "\\040") + " rw - ext4 /dev/vda9 rw\n"
        assert netns.disks(line, Path("/var/lib/swarm-lab")) == [disk]


def test_nothing_of_the_callers_environment_comes_into_a_host(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET", "token")
    monkeypatch.setenv("LD_PRELOAD", "evil.so")
    monkeypatch.setenv("TERM", "vt100")
    environment = netns.environment()
    assert set(environment) == {"PATH", "HOME", "LANG", "TERM"}
    assert environment["TERM"] == "vt100"


def test_system_programs_are_found_without_sbin_in_the_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert programs.which("sh") is not None
    assert programs.which("no-such-program") is None


def test_a_lab_without_a_record_has_no_hosts_and_nothing_to_destroy(paths: LabPaths):
    assert netns.hosts(paths) == ()
    assert not netns.destroy(paths, check=False).changed


def test_hosts_that_do_not_run_are_listed_in_the_order_in_which_they_were_asked_for(paths: LabPaths):
    names = ("zeta", "alpha")
    spec = LabSpec("unit", "198.18.0.0/24", tuple(HostSpec(name, f"198.18.0.{n}") for n, name in enumerate(names, 11)))
    state.write(paths, state.intended(spec, "netns", None))
    assert [(host.name, host.address, host.running) for host in netns.hosts(paths)] == [
        ("zeta", "198.18.0.11", False),
        ("alpha", "198.18.0.12", False),
    ]


def test_what_creating_would_do_is_told_and_not_done(paths: LabPaths):
    spec = LabSpec("unit", "198.18.0.0/24", (HostSpec("manager", "198.18.0.11"),))
    change = netns.create(paths, spec, check=True)
    assert change.changed
    assert dict(change.after) == {"manager": "198.18.0.11"}
    assert change.actions == ("start host manager at 198.18.0.11",)
    assert not paths.state.exists()


def test_nobody_enters_a_host_that_the_lab_does_not_have(paths: LabPaths):
    with pytest.raises(InvalidInput, match="has no host 'manager'"):
        netns.enter(paths, "manager")
