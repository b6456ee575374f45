"""What a host tells of itself, by a plain shell on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from lab.hosts.facts import SCRIPT, HostFacts, parse


def facts(*prefix: str, before: str = "", path: str = "") -> HostFacts:
    """Run the script with a plain shell, ``path`` searched first, and return what it tells."""
    done = subprocess.run(
        [*prefix, "sh", "-c", before + SCRIPT],
        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    return parse(done.stdout)


def test_the_kernel_is_the_one_that_runs():
    assert facts().kernel == os.uname().release


@pytest.mark.parametrize("loads", [True, False], ids=["can be loaded", "cannot"])
def test_a_kernel_has_ipvs_if_it_is_there_or_can_be_loaded(tmp_path: Path, loads: bool):
    modprobe = tmp_path / "modprobe"
    modprobe.write_text(f'#!/bin/sh\n[ "$*" = "--dry-run --quiet ip_vs" ] && {str(loads).lower()}\n')
    modprobe.chmod(0o755)
    assert facts(path=str(tmp_path)).ipvs is (loads or Path("/proc/net/ip_vs").exists())


def test_a_port_at_which_somebody_listens_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with socket.create_connection(server.getsockname()) as client:
            found = facts().listening
            assert server.getsockname()[1] in found
            assert not {bound.getsockname()[1], client.getsockname()[1]} & found


def test_so_is_one_of_ipv6():
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 on loopback: {error}")
    with server:
        assert server.getsockname()[1] in facts().listening


@pytest.mark.parametrize(
    ("routes", "leads_out"),
    [("", False), ("192.0.2.0/24", False), ("0.0.0.0/1", False), ("default", True)],
    ids=["none", "a network's", "half the world's", "default"],
)
def test_only_a_default_route_leads_out(routes: str, leads_out: bool):
    unshare = ("unshare", "--net")
    before = "ip link set lo up\n" + (f"ip route add {routes} dev lo\n" if routes else "")
    probe = subprocess.run([*unshare, "sh", "-ec", before], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no network namespace with routes: {probe.stderr.strip()}")
    found = facts(*unshare, before=before)
    assert found.default_route is leads_out
    assert found.listening == frozenset()


def test_where_there_is_ipvs_nothing_speaks_against_it():
    assert HostFacts("6.1.0", ipvs=True, default_route=False, listening=frozenset()).no_ipvs("worker-1") == ""


def test_where_there_is_none_the_reason_names_host_and_kernel():
    reason = HostFacts("6.1.0", ipvs=False, default_route=False, listening=frozenset()).no_ipvs("worker-1")
    assert reason.startswith("the kernel of worker-1 (6.1.0) has no IPVS")


@pytest.mark.parametrize("output", ["", "sh: 1: uname: not found\n", "  sl  local_address rem_address   st\n"])
def test_what_is_not_told_is_not_there(output: str):
    assert parse(output) == HostFacts("", ipvs=False, default_route=False, listening=frozenset())
