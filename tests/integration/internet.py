"""A machine and an internet that exist nowhere but in two network namespaces: nothing leaves them."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.command import LAB, REPO, Cli, Done

HOST = "203.0.113.10"
"""The internet's one host: it answers pings, and names."""
MACHINE = "203.0.113.2"
MACHINE_PORT = 9000
"""A port on which the machine listens, on every address."""
NAME = "google.com"

_KNOBS = "grep -H . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/forwarding"
_STATE = f"ip -o link; ip -o -4 address; ip -4 route show table all; nft list ruleset; {_KNOBS}"


@dataclass(frozen=True)
class Internet:
    """The pids that hold the machine's and the internet's namespaces, and the machine's resolv.conf."""

    machine: int
    internet: int
    resolver: Path

    def run(self, cli: Cli, *arguments: str, resolver: str = "") -> Done:
        """Run a command of the lab on the machine, whose resolv.conf names the internet's server, or ``resolver``."""
        return self._done(self.command(resolver), LAB, *arguments, env={"LAB_NAME": cli.lab})

    def start(self, cli: Cli, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of the lab on the machine."""
        return subprocess.Popen(
            [*self.command(), LAB, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "LAB_NAME": cli.lab},
        )

    def command(self, resolver: str = "") -> list[str]:
        """Return the prefix of a program on the machine: in its network, with its resolv.conf."""
        text = resolver or f"nameserver {HOST}\n"
        script = (
            'printf %s "$1" >"$2"; mount --bind "$2" /etc/resolv.conf; shift 2; '
            "[ ! -d /run/systemd/resolve ] || mount -t tmpfs tmpfs /run/systemd/resolve; "
            'exec "$@"'
        )
        spaces = ["nsenter", f"--net=/proc/{self.machine}/ns/net", "unshare", "--mount"]
        return [*spaces, "sh", "-ec", script, "sh", text, str(self.resolver)]

    def on_machine(self, script: str) -> Done:
        return self._done(["nsenter", f"--net=/proc/{self.machine}/ns/net"], "sh", "-ec", script)

    def on_internet(self, script: str) -> Done:
        return self._done(["nsenter", f"--net=/proc/{self.internet}/ns/net"], "sh", "-ec", script)

    def state(self) -> list[str]:
        """Return everything that an uplink could leave behind in the machine's network."""
        return self.on_machine(_STATE).out.splitlines()

    def inventory(self) -> dict[str, list[str]]:
        """Return the inventory of the machine, as it is in its network."""
        told = "import json; from tests.integration import machine; print(json.dumps(machine.inventory()))"
        return json.loads(self.on_machine(f"cd {REPO}; exec {sys.executable} -c '{told}'").out)

    @staticmethod
    def _done(prefix: list[str], *command: str | Path, env: Mapping[str, str] | None = None) -> Done:
        done = subprocess.run(
            [*prefix, *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd="/",
            env={**os.environ, **(env or {})},
        )
        return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def connected(folder: Path) -> Iterator[Internet]:
    """Connect a machine to an internet with a name server; both are gone at the end."""
    with ExitStack() as holders:
        machine, internet = (_holder(holders, ["unshare", "--net", "sh", "-c", _READY]) for _ in range(2))
        made = Internet(machine, internet, folder / "resolv.conf")
        done = made.on_machine(
            f"ip link set lo up; ip link add eth0 type veth peer name eth0 netns /proc/{internet}/ns/net; "
            f"ip address add {MACHINE}/24 dev eth0; ip link set eth0 up; ip route add default via {HOST}"
        )
        assert done.code == 0, done.text
        done = made.on_internet(f"ip link set lo up; ip address add {HOST}/24 dev eth0; ip link set eth0 up")
        assert done.code == 0, done.text
        listen = f"import socket; s = socket.create_server(('', {MACHINE_PORT})); print('ready', flush=True); input()"
        _holder(holders, ["nsenter", f"--net=/proc/{machine}/ns/net", sys.executable, "-c", listen])
        server = ["nsenter", f"--net=/proc/{internet}/ns/net", sys.executable, "-m", "tests.integration.internet"]
        _holder(holders, server)
        yield made


_READY = "echo ready; exec sleep infinity"


def _holder(holders: ExitStack, command: list[str]) -> int:
    """Start a process that stays until the end; return its pid once it is ready."""
    process = holders.enter_context(
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPO)
    )
    holders.callback(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process.pid


def answer(query: bytes) -> bytes:
    """Return a name server's answer to a question (RFC 1035, 4.1): NAME has one IPv4 address, others do not exist."""
    end = query.index(b"\0", 12) + 5
    labels, kind = query[12 : end - 4], struct.unpack("!H", query[end - 4 : end - 2])[0]
    known = labels.lower() == b"".join(bytes([len(part)]) + part.encode() for part in [*NAME.split("."), ""])
    has = known and kind == 1
    header = query[:2] + struct.pack("!HHHHH", 0x8580 if known else 0x8583, 1, int(has), 0, 0)
    record = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(HOST)
    return header + query[12:end] + (record if has else b"")


def serve() -> None:
    """Answer questions for as long as this process lives."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOST, 53))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            query, client = server.recvfrom(512)
            server.sendto(answer(query), client)


if __name__ == "__main__":
    serve()
