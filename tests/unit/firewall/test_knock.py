"""Knocking at ports, with a real bash at real sockets on loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from lab.firewall.knock import Target, answers, parse, script

FILTERED = """\
ip link set lo up
nft -f - <<'RULES'
table inet filter { chain input { type filter hook input priority filter; policy drop; }; }
RULES
"""


@pytest.fixture
def open_port() -> Iterator[int]:
    """Return a tcp port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a tcp port that is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def knock(*targets: Target, prefix: tuple[str, ...] = (), before: str = "") -> dict[str, dict[str, bool]]:
    """Run the script with a plain shell and return what it tells."""
    done = subprocess.run(
        [*prefix, "sh", "-c", before + script(targets, 1)], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stderr == ""
    return parse(done.stdout)


def test_an_open_port_is_told_from_a_closed_one(open_port: int, closed_port: int):
    ports = (f"{open_port}/tcp", f"{closed_port}/tcp")
    assert knock(Target("manager", "127.0.0.1", ports)) == {"manager": {ports[0]: True, ports[1]: False}}


def test_a_port_at_which_nobody_listens_says_so(open_port: int, closed_port: int):
    ports = (f"{open_port}/tcp", f"{closed_port}/tcp", f"{closed_port}/udp")
    text = script([Target("manager", "127.0.0.1", ports)], 1, refusals=True)
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=30, check=True)
    assert answers(done.stdout) == {"manager": {ports[0]: "open", ports[1]: "refused", ports[2]: "refused"}}


def test_a_udp_port_that_is_filtered_is_silent_and_a_tcp_port_closed():
    unshare = ("unshare", "--net")
    probe = subprocess.run([*unshare, "sh", "-ec", FILTERED], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no network namespace with a firewall: {probe.stderr.strip()}")
    text = FILTERED + script([Target("manager", "127.0.0.1", ("2001/tcp", "2001/udp"))], 1, refusals=True)
    done = subprocess.run([*unshare, "sh", "-c", text], capture_output=True, text=True, timeout=30, check=True)
    assert answers(done.stdout) == {"manager": {"2001/tcp": "closed", "2001/udp": "silent"}}


def test_each_host_has_its_own_answers(open_port: int):
    port = f"{open_port}/tcp"
    found = knock(Target("manager", "127.0.0.1", (port,)), Target("worker-1", "127.0.0.2", (port,)))
    assert found == {"manager": {port: True}, "worker-1": {port: False}}


def test_a_udp_port_gets_a_byte_and_tells_nothing():
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        assert knock(Target("manager", "127.0.0.1", (f"{server.getsockname()[1]}/udp",))) == {}
        assert server.recv(10) == b"x"


def test_all_ports_are_tried_at_once():
    unshare = ("unshare", "--net")
    probe = subprocess.run([*unshare, "sh", "-ec", FILTERED], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"no network namespace with a firewall: {probe.stderr.strip()}")
    ports = [f"{number}/tcp" for number in range(2001, 2021)]
    start = time.monotonic()
    found = knock(Target("manager", "127.0.0.1", ports), prefix=unshare, before=FILTERED)
    assert found == {"manager": dict.fromkeys(ports, False)}
    assert time.monotonic() - start < 10


def test_who_has_no_ports_is_not_knocked_at():
    assert knock(Target("manager", "127.0.0.1")) == {}


@pytest.mark.parametrize("output", ["", "sh: 1: bash: not found\n", "manager 2377/tcp maybe\n", "open closed\n"])
def test_what_is_no_answer_is_not_taken_for_one(output: str):
    assert parse(output) == {}
