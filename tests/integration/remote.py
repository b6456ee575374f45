"""Hosts that are reached by SSH and by nothing else: namespaces with an own sshd, user, host key and firewall.

The packages that they need and this machine lacks are unpacked into a layer of theirs; the machine keeps none.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.hosts import netns, segment, state
from lab.hosts.base import HostSpec, LabPaths, LabSpec
from tests.integration.command import LAB, Done

PACKAGES = ("openssh-server", "sudo", "ufw", "firewalld")
SEGMENT = "198.18.9.0/24"
USER = "tester"
PASSWORD = "correct-horse"

_UNPACK = """
mount -t overlay -o "lowerdir=/,upperdir=$LAYER/upper,workdir=$LAYER/work" overlay "$LAYER/root"
cd "$LAYER/root"
mount --rbind /dev dev; mount -t proc proc proc; mount -t tmpfs tmpfs run; mount -t tmpfs tmpfs tmp
mkdir tmp/packages; mount --bind "$PACKAGES" tmp/packages
printf '#!/bin/sh\\nexit 101\\n' >usr/sbin/policy-rc.d; chmod +x usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
chroot . sh -ec 'dpkg --force-confold --no-triggers -i /tmp/packages/*.deb'
chroot . useradd -m -s /bin/bash "$USER_NAME"
echo "$USER_NAME:$PASSWORD" | chroot . chpasswd
rm -f usr/sbin/policy-rc.d etc/ssh/ssh_host_*
echo 'cgroup /sys/fs/cgroup cgroup defaults 0 0' >>etc/fstab   # docker's init script then mounts none
echo 'ulimit() { :; }' >>etc/default/docker                    # nor raises limits, which a namespace may not
"""

_SSHD = """
mkdir -p /run/sshd
touch /var/log/sshd.start
[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
home=$(getent passwd {user} | cut -d: -f6)
install -d -m 700 -o {user} -g {user} "$home/.ssh"
install -m 600 -o {user} -g {user} /dev/stdin "$home/.ssh/authorized_keys"
echo '{user} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{user}
nft insert rule inet filter input tcp dport 22 accept
/usr/sbin/sshd -E /var/log/sshd.log -o UsePAM=no -o MaxStartups=100 -h /etc/ssh/ssh_host_ed25519_key
"""


_SEEN = {
    "packages": "dpkg-query -W | md5sum",
    "firewall": "nft list table inet filter | sed 's/packets [0-9]* bytes [0-9]*//'",
    "containers": "docker ps -a --no-trunc --format '{{.ID}} {{.Names}} {{.State}}'",
    "networks": "docker network ls --no-trunc --format '{{.ID}} {{.Name}}' | grep -v docker_gwbridge",
    "volumes": "docker volume ls -q",
    "images": "docker images -q --no-trunc | sort -u",
    "swarm": "docker info -f '{{.Swarm.LocalNodeState}}'",
    "files": "find /etc /home /root /usr/local -xdev -newer /var/log/sshd.start -type f | sort",
}


def prepare(layer: Path) -> None:
    """Make the layer that every remote host has above this machine's files: packages, and a user."""
    packages = layer / "packages"
    for folder in (packages / "partial", layer / "upper", layer / "work", layer / "root"):
        folder.mkdir(parents=True)
    download = ["apt-get", "install", "-y", "--download-only", "--no-install-recommends"]
    places = ["-o", f"Dir::Cache::archives={packages}", "-o", "DPkg::Lock::Timeout=120"]
    _run([*download, *places, *PACKAGES])
    _run(
        ["unshare", "--mount", "sh", "-ec", _UNPACK],
        env={"LAYER": str(layer), "PACKAGES": str(packages), "USER_NAME": USER, "PASSWORD": PASSWORD},
    )


def _run(command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@dataclass
class Remote:
    """Hosts with sshd, and a user's files for reaching them: a key, known hosts, and lab's own directories."""

    paths: LabPaths
    layer: Path
    folder: Path
    lab: str = "test-remote"
    addresses: dict[str, str] = field(default_factory=dict)

    def start(self, *names: str, python: bool = False, engine: bool = True) -> None:
        """Start hosts with sshd; without ``python`` they have none, with ``engine`` the distribution's runs."""
        everyone = [*self.addresses, *(name for name in names if name not in self.addresses)]
        specs = tuple(HostSpec(name, f"198.18.9.{11 + number}") for number, name in enumerate(everyone))
        for name in names:
            upper = self.paths.host_state(name) / "upper"
            if not upper.exists():
                upper.parent.mkdir(parents=True)
                _run(["cp", "-a", str(self.layer / "upper"), str(upper)])
        self.paths.state.mkdir(parents=True, exist_ok=True)
        netns.create(self.paths, LabSpec(self.paths.name, SEGMENT, specs), check=False)
        self.addresses = {host.name: host.address for host in specs}
        key = self._key()
        for name in names:
            self._ready(name, key, python=python)
        if engine:
            self.each(names, "service docker start", until="docker info >/dev/null 2>&1")
        self.learn_keys()

    def _ready(self, name: str, key: str, *, python: bool) -> None:
        done = self.on(name, _SSHD.format(user=USER), text=key)
        assert done.code == 0, done.text
        if not python:
            self.on(name, "rm -f /usr/bin/python3*")

    def _key(self) -> str:
        private = self.folder / "key"
        if not private.exists():
            _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(private)])
        return private.with_suffix(".pub").read_text()

    def learn_keys(self) -> None:
        """Write the hosts' keys into the user's known hosts, as they are on the hosts themselves."""
        lines = [
            f"{address} {self.on(name, 'cat /etc/ssh/ssh_host_ed25519_key.pub').out}"
            for name, address in self.addresses.items()
        ]
        self.known_hosts.write_text("".join(lines))

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def each(self, names: Sequence[str], script: str, until: str = "true") -> None:
        """Run a script on hosts side by side, and wait until a condition holds there."""
        waiting = f"{script}; n=0; until {until}; do n=$((n+1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done"
        running = {name: self._start(name, waiting) for name in names}
        for name, process in running.items():
            output, _ = process.communicate()
            assert process.returncode == 0, f"{name}: {output}"

    def _start(self, name: str, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*netns.enter(self.paths, name), "sh", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=netns.environment(),
        )

    def on(self, name: str, script: str, text: str = "") -> Done:
        """Run a shell script on a host as its root, beside SSH: what a test does to the host, not the lab."""
        done = subprocess.run(
            [*netns.enter(self.paths, name), "sh", "-ec", script],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env=netns.environment(),
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def command(self) -> list[str]:
        """Return the prefix of a program on the user's own machine, which is on the segment and no host of it."""
        known = state.read(self.paths)
        switch = known.process(segment.SWITCH) if known else None
        assert switch is not None
        return ["nsenter", f"--net=/proc/{switch.pid}/ns/net"]

    @property
    def environment(self) -> dict[str, str]:
        """The user's environment: lab's state and sockets lie where no other test's do."""
        return {
            **os.environ,
            "LAB_NAME": self.lab,
            "LAB_STATE_DIR": str(self.folder / "state"),
            "LAB_RUN_DIR": str(self.folder / "run"),
            "HOME": str(self.folder),
        }

    def run(self, *arguments: str, timeout: float = 180) -> Done:
        """Run the command ``lab`` on the user's machine."""
        done = subprocess.run(
            [*self.command(), LAB, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            cwd="/",
            env=self.environment,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str, code: int | None = 0, timeout: float = 180) -> dict:
        """Run a command and return its JSON."""
        done = self.run(*arguments, "--json", "-", timeout=timeout)
        assert code is None or done.code == code, done.text
        return json.loads(done.out)

    def start_lab(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command ``lab`` on the user's machine, in a session of its own."""
        return subprocess.Popen(
            [*self.command(), LAB, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            cwd="/",
            env=self.environment,
        )

    def seen(self, names: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """Return what of hosts the lab could leave behind: packages, firewall, files, the engine's things."""
        script = "".join(f"echo '== {kind}'; {{ {command}; }} 2>/dev/null || true; " for kind, command in _SEEN.items())
        running = {name: self._start(name, script) for name in names}
        told = {name: process.communicate()[0].split("== ")[1:] for name, process in running.items()}
        return {name: {part.split("\n")[0]: part.splitlines()[1:] for part in parts} for name, parts in told.items()}

    def connections(self, name: str) -> int:
        """Return how many SSH connections a host has accepted so far."""
        return int(self.on(name, "grep -c 'Accepted publickey' /var/log/sshd.log || true").out or 0)

    def ssh_processes(self) -> list[str]:
        """Return the command lines of what goes on holding connections for the lab: of ssh, and of its relays."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                argv = (process / "cmdline").read_text().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            ours = any(str(self.folder) in word for word in argv)
            if (argv[0].startswith("ssh") and ours) or "lab.hosts.relay" in argv:
                found.append(" ".join(argv))
        return found

    def sockets_while(self, run: subprocess.Popen[str]) -> dict[str, int]:
        """Return the modes of the engines' sockets on the user's machine (by host), and of the lab's directory there.

        They are looked at while a run goes on, and there afterwards no longer.
        """
        seen: dict[str, int] = {}
        own = self.folder / "run" / self.lab
        while run.poll() is None:
            for name, path in (("", own), *((path.parent.name, path) for path in own.glob("*/docker.sock"))):
                with contextlib.suppress(FileNotFoundError):
                    seen[name] = stat.S_IMODE(path.stat().st_mode)
            time.sleep(0.05)
        assert run.returncode == 0, run.communicate()[0]
        return seen

    def inventory(
        self,
        managers: Sequence[str],
        workers: Sequence[str],
        hosts: Mapping[str, Mapping[str, object]] | None = None,
        **variables: object,
    ) -> Path:
        """Write an inventory of the hosts as their user would; return its path."""
        own = hosts or {}
        content = {
            "all": {
                "vars": {
                    "lab_provider": "ssh",
                    "ansible_user": USER,
                    "ansible_become": True,
                    "ansible_ssh_private_key_file": str(self.folder / "key"),
                    "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.known_hosts}",
                    **variables,
                },
                "children": {
                    group: {
                        "hosts": {
                            name: {"ansible_host": self.addresses.get(name, name), **own.get(name, {})}
                            for name in names
                        }
                    }
                    for group, names in (("managers", managers), ("workers", workers))
                },
            }
        }
        path = self.folder / "hosts.yml"
        path.write_text(json.dumps(content, indent=2))
        return path

    def end(self, *more: Callable[[], object]) -> None:
        """Take everything down, whatever happened."""
        for action in more:
            action()
        change = netns.destroy(self.paths, check=False)
        assert not change.survivors, change.survivors
        shutil.rmtree(self.paths.state, ignore_errors=True)
