"""What busybox's ping prints, and what it means."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from lab.engine.cross_host_ping import Ping, parse, script

SPACES = ("unshare", "--mount", "--net")
PREPARE = 'ip link set lo up; mount -t tmpfs tmpfs /tmp; ln -s "$(command -v busybox)" /tmp/ping'
"""Only inside namespaces of their own: a loopback, and a directory for what is written."""

OK = """\
PING ping-worker-1 (10.0.1.5): 56 data bytes
64 bytes from 10.0.1.5: seq=0 ttl=64 time=0.211 ms
64 bytes from 10.0.1.5: seq=1 ttl=64 time=0.153 ms

--- ping-worker-1 ping statistics ---
2 packets transmitted, 2 packets received, 0% packet loss
round-trip min/avg/max = 0.153/0.182/0.211 ms
"""
HALF = """\
PING ping-worker-1 (10.0.1.5): 56 data bytes
64 bytes from 10.0.1.5: seq=1 ttl=64 time=0.153 ms

--- ping-worker-1 ping statistics ---
2 packets transmitted, 1 packets received, 50% packet loss
round-trip min/avg/max = 0.153/0.153/0.153 ms
"""
LOST = """\
PING ping-worker-1 (10.0.1.5): 56 data bytes

--- ping-worker-1 ping statistics ---
2 packets transmitted, 0 packets received, 100% packet loss
"""
TWICE = """\
PING ping-worker-1 (10.0.1.5): 56 data bytes
64 bytes from 10.0.1.5: seq=0 ttl=64 time=0.211 ms
64 bytes from 10.0.1.5: seq=0 ttl=64 time=0.300 ms (DUP!)
64 bytes from 10.0.1.5: seq=1 ttl=64 time=0.153 ms

--- ping-worker-1 ping statistics ---
2 packets transmitted, 2 packets received, 1 duplicates, 0% packet loss
round-trip min/avg/max = 0.153/0.182/0.300 ms
"""


@pytest.mark.parametrize(
    ("body", "ping", "passed"),
    [
        (OK, Ping("ping-worker-1", "10.0.1.5", 2, 2, 0.182), True),
        (TWICE, Ping("ping-worker-1", "10.0.1.5", 2, 2, 0.182), True),
        (HALF, Ping("ping-worker-1", "10.0.1.5", 2, 1, 0.153), False),
        (LOST, Ping("ping-worker-1", "10.0.1.5", 2, 0, 0.0), False),
        (
            "ping: bad address 'ping-worker-1'\n",
            Ping("ping-worker-1", "", 0, 0, 0.0, "ping: bad address 'ping-worker-1'"),
            False,
        ),
        (
            "PING ping-worker-1 (10.0.1.5): 56 data bytes\nping: sendto: Network unreachable\n",
            Ping(
                "ping-worker-1",
                "10.0.1.5",
                0,
                0,
                0.0,
                "PING ping-worker-1 (10.0.1.5): 56 data bytes ping: sendto: Network unreachable",
            ),
            False,
        ),
        ("", Ping("ping-worker-1", "", 0, 0, 0.0), False),
    ],
    ids=["ok", "duplicates", "half lost", "all lost", "bad address", "unreachable", "nothing"],
)
def test_the_outcome_is_read_from_what_was_printed(body: str, ping: Ping, passed: bool):
    (found,) = parse(f"== ping-worker-1\n{body}")
    assert found == ping
    assert found.passed is passed


def test_each_outcome_belongs_to_the_name_above_it():
    found = parse(f"== ping-a\n{OK}== ping-b\n{LOST}== ping-c\n{HALF}")
    assert [(ping.target, ping.received) for ping in found] == [("ping-a", 2), ("ping-b", 0), ("ping-c", 1)]


@pytest.mark.parametrize("text", ["", "sh: can't create /tmp/ping.a: Read-only file system\n"])
def test_where_no_name_was_printed_there_is_no_outcome(text: str):
    assert parse(text) == []


def lacking() -> str:
    """Return why no ping can be tried here; empty where one can."""
    if shutil.which("busybox") is None:
        return "busybox is not installed"
    probe = f"{PREPARE}; /tmp/ping -c 1 127.0.0.1"
    done = subprocess.run([*SPACES, "sh", "-ec", probe], capture_output=True, text=True, check=False)
    return done.stderr.strip() or "no ping on loopback" if done.returncode else ""


def test_busybox_itself_is_understood():
    if reason := lacking():
        pytest.skip(reason)
    done = subprocess.run(
        [*SPACES, "sh", "-ec", f"{PREPARE}; PATH=/tmp:$PATH\n{script(['127.0.0.1', 'no-such-name.invalid'])}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    reached, unknown = parse(done.stdout)
    assert (reached.target, reached.address, reached.passed) == ("127.0.0.1", "127.0.0.1", True)
    assert 0 < reached.rtt_ms < 1000
    assert (unknown.target, unknown.passed) == ("no-such-name.invalid", False)
    assert "bad address" in unknown.error
