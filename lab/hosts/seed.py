"""What a virtual machine is told at every start: name, addresses, keys; a tar archive that its firmware hands over."""

from __future__ import annotations

import io
import ipaddress
import tarfile
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

USER = "lab"
USER_ID = 1000
OUTER_NETWORK = "198.19.255.0/24"
"""QEMU's user network, the same for every machine; its usual one lies where a swarm's overlays are (10.0.0.0/8)."""

OUTER_ADDRESS = "198.19.255.15"
"""What is forwarded to. Every machine has it on its first interface, so it says nothing of which machine."""


def key_pair(path: Path) -> str:
    """Return the public half (OpenSSH's form) of the key at ``path`` (0600), making the key where there is none."""
    if path.exists():
        return path.with_suffix(".pub").read_text().strip()
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    path.with_suffix(".pub").write_text(public + "\n")
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return public


def network(hardware: str, address: str) -> str:
    """Return the systemd.network(5) of an interface with one address and nothing besides."""
    own = f"Address={address}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    return f"[Match]\nMACAddress={hardware}\n\n[Link]\nRequiredForOnline=no\n\n[Network]\n{own}"


def files(
    name: str, hosts: Mapping[str, str], prefix: int, *, host_key: Path, user_key: str
) -> dict[str, tuple[str, int]]:
    """Return a machine's own files: path below the root to text and mode.

    ``hosts`` has every host's address on the segment, its own too, and ``prefix`` the length of that network's
    prefix; ``host_key`` is the file of its private key, ``user_key`` the public one of who may log in.
    """
    outer, inner = hardware(hosts[name])
    known = "".join(f"{address}\t{host}\n" for host, address in hosts.items())
    return {
        "etc/hostname": (f"{name}\n", 0o644),
        "etc/hosts": (f"127.0.0.1\tlocalhost\n{known}", 0o644),
        "etc/resolv.conf": ("", 0o644),
        "etc/systemd/network/10-outer.network": (network(outer, f"{OUTER_ADDRESS}/24"), 0o644),
        "etc/systemd/network/20-inner.network": (network(inner, f"{hosts[name]}/{prefix}"), 0o644),
        "etc/ssh/ssh_host_ed25519_key": (host_key.read_text(), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": (host_key.with_suffix(".pub").read_text(), 0o644),
        f"home/{USER}/.ssh/authorized_keys": (f"{user_key}\n", 0o600),
    }


def write(path: Path, entries: Mapping[str, tuple[str, int]]) -> None:
    """Write the archive (0600: it holds a private key). What lies below the user's home is the user's."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    home = f"home/{USER}/"
    with tarfile.open(path, "w") as archive:
        folder = tarfile.TarInfo(f"{home}.ssh")
        folder.type, folder.mode, folder.uid, folder.gid = tarfile.DIRTYPE, 0o700, USER_ID, USER_ID
        archive.addfile(folder)
        for name, (text, mode) in entries.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = mode, len(text.encode())
            entry.uid = entry.gid = USER_ID if name.startswith(home) else 0
            archive.addfile(entry, io.BytesIO(text.encode()))


def ssh_config(key: Path, known_hosts: Path, ports: Mapping[str, int]) -> str:
    """Return the configuration by which ssh reaches each host by its name, its key pinned (man page ssh_config)."""
    blocks = [f"Host {name}\n\tHostKeyAlias {name}\n\tPort {port}\n" for name, port in ports.items()]
    common = {
        "HostName": "127.0.0.1",
        "User": USER,
        "IdentityFile": _quoted(key),
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "UserKnownHostsFile": _quoted(known_hosts),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "PreferredAuthentications": "publickey",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "8",
        "LogLevel": "ERROR",
    }
    return "".join([*blocks, "Host *\n", *(f"\t{name} {value}\n" for name, value in common.items())])


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("%", "%%") + '"'


def hardware(address: str) -> tuple[str, str]:
    """Return the hardware addresses of a machine's two interfaces, out of its address on the segment.

    Locally administered ones of the range that QEMU uses; unique on the segment as the address is.
    """
    last = ipaddress.IPv4Address(address).packed[1:]
    tail = ":".join(f"{byte:02x}" for byte in last)
    return f"52:54:00:{tail}", f"52:56:00:{tail}"
