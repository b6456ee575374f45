"""What is on the segment between virtual machines: every frame of it, as any process of this machine could see it."""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass, field

from lab.hosts.qemu import Wire

ESP = 50
UDP = 17
VXLAN = 4789


@dataclass
class Capture:
    """The frames since it began; a context."""

    wire: Wire
    frames: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Capture:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self.wire.group, self.wire.port))
        member = struct.pack("4s4s", socket.inet_aton(self.wire.group), socket.inet_aton("127.0.0.1"))
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self._socket.settimeout(0.2)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._take)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._socket.close()

    def _take(self) -> None:
        while not self._done.is_set():
            try:
                self.frames.append(self._socket.recv(65536))
            except TimeoutError:
                continue

    def between(self, one: str, other: str) -> list[tuple[int, bytes]]:
        """Return protocol and payload of the IPv4 packets between two addresses, both ways."""
        ends = {socket.inet_aton(one), socket.inet_aton(other)}
        found = []
        for frame in self.frames:
            if frame[12:14] == b"\x08\x00" and {frame[26:30], frame[30:34]} == ends:
                found.append((frame[23], frame[14 + (frame[14] & 15) * 4 :]))
        return found

    def vxlan(self, one: str, other: str) -> list[bytes]:
        """Return the VXLAN datagrams between two addresses."""
        return [
            payload
            for protocol, payload in self.between(one, other)
            if protocol == UDP and struct.unpack("!H", payload[2:4])[0] == VXLAN
        ]

    def esp(self, one: str, other: str) -> list[bytes]:
        """Return the ESP packets between two addresses."""
        return [payload for protocol, payload in self.between(one, other) if protocol == ESP]
