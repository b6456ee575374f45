"""What a host tells of itself before any change, by a plain shell on this machine and from other hosts' words."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lab.hosts.survey import ROOT_SCRIPT, SCRIPT, Address, Route, Survey, from_json, parse, to_json

SHELLS = pytest.mark.parametrize("shell", [("dash",), ("busybox", "sh")], ids=["dash", "busybox"])


def run(shell: tuple[str, ...], script: str, **environment: str) -> str:
    try:
        done = subprocess.run(
            [*shell, "-c", script],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip(f"no {shell[0]}")
    assert done.stderr == ""
    return done.stdout


def told(*lines: str, root: tuple[str, ...] = ()) -> Survey:
    """Return the survey of a host that tells these lines."""
    output, root_output = ("\n".join(["survey begins", *some, ""]) for some in (lines, root))
    return parse("worker-1", output, root_output if root else "", 1000.0, 1001.0)


@SHELLS
def test_a_host_tells_who_and_what_it_is(shell: tuple[str, ...]):
    before = time.time()
    output = run(shell, SCRIPT, SSH_CONNECTION="198.51.100.7 50022 198.51.100.11 22")
    survey = parse("worker-1", output, "", before, time.time())
    assert survey.host == "worker-1"
    assert survey.hostname == platform.node()
    assert (survey.kernel, survey.architecture) == (os.uname().release, os.uname().machine)
    assert (survey.uid, survey.root) == (os.getuid(), False)
    assert survey.ssh_address == "198.51.100.11"
    assert abs(survey.clock_offset_s) < 1.5
    assert survey.os_id == platform.freedesktop_os_release()["ID"]
    assert survey.memory_mib > 0
    assert survey.disk_free_mib > 0
    assert "lo" in survey.mtus
    assert survey.socket in {"absent", "open", "denied"}
    assert (survey.features, survey.live_restore, survey.cluster_id) == ({}, False, "")


@SHELLS
def test_addresses_and_routes_are_the_same_without_ip(shell: tuple[str, ...]):
    with_ip = parse("h", run(shell, SCRIPT), "", 0, 0)
    without = SCRIPT.replace("command -v ip ", "command -v no-such-program ")
    by_proc = parse("h", run(shell, without), "", 0, 0)
    assert set(by_proc.addresses) == set(with_ip.addresses)
    assert set(by_proc.routes) <= set(with_ip.routes)
    assert by_proc.mtus == with_ip.mtus


@SHELLS
def test_root_asks_the_kernel_and_changes_nothing(shell: tuple[str, ...]):
    loaded = Path("/proc/modules").read_text() if Path("/proc/modules").exists() else ""
    survey = parse("h", "", run(shell, ROOT_SCRIPT), 0, 0)
    assert set(survey.features) == {"vxlan", "bridge", "veth", "br_netfilter", "overlay", "ip_vs", "esp4"}
    assert set(survey.features.values()) <= {"yes", "no", "unknown"}
    if "overlay" in Path("/proc/filesystems").read_text():
        assert survey.features["overlay"] == "yes"
    assert survey.root is (os.getuid() == 0)
    assert loaded == (Path("/proc/modules").read_text() if loaded else "")


def test_a_host_without_tools_tells_what_it_can(tmp_path: Path):
    bare = SCRIPT.replace("/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/snap/bin", "/nowhere")
    done = subprocess.run(
        ["/bin/sh", "-c", bare], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=30
    )
    survey = parse("worker-1", done.stdout, "", 0, 0)
    assert (survey.hostname, survey.uid, survey.sudo, survey.dockerd) == ("", -1, "none", False)


@pytest.mark.parametrize("output", ["", "bash: line 1: survey: command not found\n", "Welcome to hostname web\n"])
def test_what_is_not_told_is_not_there(output: str):
    assert parse("worker-1", output, "", 0, 0) == Survey("worker-1")


def test_a_greeting_before_it_is_no_part_of_it():
    output = "hostname of the day\nuid 7\r\nsurvey begins\r\nhostname worker-1\r\nuid 1000\r\n"
    survey = parse("worker-1", output, "", 0, 0)
    assert (survey.hostname, survey.uid) == ("worker-1", 1000)


@pytest.mark.parametrize(
    ("clock", "offset"),
    [("1000.500000000", 0.0), ("1096.25", 95.75), ("905.5", -95.0), ("1000.%N", 0.0), ("1000", 0.0), ("", 0.0)],
)
def test_a_clock_is_compared_with_the_middle_of_the_question(clock: str, offset: float):
    assert told(f"clock {clock}").clock_offset_s == offset


def test_a_distribution_has_a_name_and_relatives():
    survey = told('os ID="rocky"', 'os ID_LIKE="rhel centos fedora"')
    assert (survey.os_id, survey.os_like) == ("rocky", ("rhel", "centos", "fedora"))


def test_addresses_of_ip_have_interface_and_prefix():
    survey = told(
        "link 1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN",
        "link 2: eth0@if4: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP",
        "link 5: wg0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue state UNKNOWN",
        r"address 1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever",
        r"address 2: eth0    inet 192.0.2.11/24 brd 192.0.2.255 scope global eth0\       valid_lft forever",
        "address 2: eth0    inet 192.0.2.12/24 scope global secondary eth0:1",
        "address 5: wg0    inet 10.9.0.2 peer 10.9.0.1/32 scope global wg0",
    )
    assert survey.mtus == {"lo": 65536, "eth0": 1450, "wg0": 1420}
    assert survey.addresses == (
        Address("lo", "127.0.0.1", 8),
        Address("eth0", "192.0.2.11", 24),
        Address("eth0", "192.0.2.12", 24),
        Address("wg0", "10.9.0.2", 32),
    )


def test_routes_of_all_tables_but_not_to_the_host_itself():
    survey = told(
        "route default via 192.0.2.1 dev eth0 proto dhcp metric 100",
        "route 10.0.0.0/8 via 192.0.2.9 dev eth0 table 52",
        "route 10.9.0.1 dev wg0 proto kernel scope link src 10.9.0.2",
        r"route 172.20.0.0/16 proto static \	nexthop via 192.0.2.7 dev eth0 \	nexthop via 192.0.2.8 dev eth1",
        "route unreachable 198.51.100.0/24 metric 4278198272",
        "route local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1",
        "route broadcast 192.0.2.255 dev eth0 table local proto kernel scope link src 192.0.2.11",
    )
    assert survey.routes == (
        Route("0.0.0.0/0", "eth0", "192.0.2.1"),
        Route("10.0.0.0/8", "eth0", "192.0.2.9"),
        Route("10.9.0.1/32", "wg0", ""),
        Route("172.20.0.0/16", "eth1", "192.0.2.8"),
        Route("198.51.100.0/24", "", ""),
    )


def test_without_ip_proc_tells_the_same():
    survey = told(
        "mtu eth0 1500",
        "forward Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
        "forward eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
        "forward eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
        *("local 127.0.0.1", "local 192.0.2.2") * 2,
    )
    assert survey.mtus == {"eth0": 1500}
    assert survey.routes == (Route("0.0.0.0/0", "eth0", "192.0.2.1"), Route("192.0.2.0/24", "eth0", ""))
    assert survey.addresses == (Address("lo", "127.0.0.1", 8), Address("eth0", "192.0.2.2", 24))


@pytest.mark.parametrize(
    ("connection", "address"),
    [
        ("192.0.2.9 41000 192.0.2.11 22", "192.0.2.11"),
        ("::ffff:192.0.2.9 41000 ::ffff:192.0.2.11 22", "192.0.2.11"),
        ("2001:db8::9 41000 2001:db8::11 22", "2001:db8::11"),
        ("", ""),
    ],
)
def test_the_address_that_ssh_reached(connection: str, address: str):
    assert told(f"ssh {connection}").ssh_address == address


def test_room_and_programs():
    survey = told(
        "disk /dev/vda1 10255636 9100000 615636 94% /var/lib",
        "memory MemTotal:        2035460 kB",
        "program dockerd",
        "socket denied",
        "sudo password",
        "user admin",
        "groups admin sudo",
    )
    assert (survey.disk_path, survey.disk_free_mib, survey.memory_mib) == ("/var/lib", 601, 1987)
    assert (survey.dockerd, survey.docker_cli, survey.socket, survey.sudo) == (True, False, "denied", "password")
    assert (survey.user, survey.groups) == ("admin", ("admin", "sudo"))


@pytest.mark.parametrize(
    ("configuration", "on"),
    [('{"live-restore": true}', True), ('{"live-restore": false}', False), ("{}", False), ("[]", False), ("{", False)],
)
def test_live_restore_is_in_the_daemons_configuration(configuration: str, on: bool):
    assert told(root=("root 0", f"daemon {configuration}")).live_restore is on


def certificate(**names: str) -> tuple[str, ...]:
    """Return the lines of a node's certificate as ROOT_SCRIPT tells them."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(getattr(NameOID, oid), value) for oid, value in names.items()])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "swarm-ca")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=90))
        .sign(key, hashes.SHA256())
    )
    return tuple(f"certificate {line}" for line in made.public_bytes(Encoding.PEM).decode().splitlines())


@pytest.mark.parametrize("role", ["manager", "worker"])
def test_a_nodes_certificate_tells_its_swarm_its_id_and_its_role(role: str):
    names = {
        "ORGANIZATION_NAME": "fmuktbhbj5f92s9x163mswvh2",
        "ORGANIZATIONAL_UNIT_NAME": f"swarm-{role}",
        "COMMON_NAME": "mtm6bdx0vgrzmknihgf0mirwk",
    }
    survey = told(root=("root 0", *certificate(**names)))
    assert survey.cluster_id == "fmuktbhbj5f92s9x163mswvh2"
    assert (survey.node_id, survey.node_role) == ("mtm6bdx0vgrzmknihgf0mirwk", role)


def test_what_is_no_certificate_tells_nothing():
    survey = told(root=("root 0", "certificate -----BEGIN CERTIFICATE-----", "certificate -----END CERTIFICATE-----"))
    assert (survey.root, survey.cluster_id, survey.node_id, survey.node_role) == (True, "", "", "")


@pytest.mark.parametrize(
    ("lines", "vxlan"),
    [
        (("module vxlan",), "yes"),
        (("symbol vxlan_open",), "yes"),
        (("config CONFIG_VXLAN=y",), "yes"),
        (("modules known", "module bridge"), "no"),
        (("config # CONFIG_VXLAN is not set",), "no"),
        (("config CONFIG_VXLAN=m",), "unknown"),
        (("config CONFIG_VXLAN=m", "modules known"), "no"),
        ((), "unknown"),
    ],
)
def test_a_feature_of_the_kernel_is_there_or_not_or_nobody_can_tell(lines: tuple[str, ...], vxlan: str):
    assert told(root=("root 0", *lines)).features["vxlan"] == vxlan


def test_a_survey_travels_as_json():
    survey = parse("worker-1", run(("sh",), SCRIPT), run(("sh",), ROOT_SCRIPT), 0, 0)
    assert from_json(json.loads(json.dumps(to_json(survey)))) == survey
    assert from_json(to_json(Survey("worker-2"))) == Survey("worker-2")
