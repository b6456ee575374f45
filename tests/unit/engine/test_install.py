"""Which package of which package manager is installed, and how an engine is started: with stand-ins for both."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.engine.install import PATH, UNKNOWN_FAMILY, install_script, present_script, start_script

SHELLS = [("dash",), ("busybox", "sh")]
TOOLS = ("cat", "date", "grep", "mktemp", "rm", "sed", "sleep", "tail", "touch", "tr")
BRINGS = 'case "$*" in *install*) : >{folder}/dockerd; {chmod} +x {folder}/dockerd ;; esac'

APT_CACHE = """
for package in {candidates}; do
	[ "$2" != $package ] || printf '%s:\\n  Installed: (none)\\n  Candidate: 1.0-1\\n' "$2"
done
case $2 in virtual) printf 'virtual:\\n  Candidate: (none)\\n' ;; esac
"""
LISTED = """
case "$*" in *list*|*repoquery*)
	for package in {packages}; do case "$*" in *" $package") echo "$package-1"; exit ;; esac; done
	exit {otherwise} ;;
esac
"""


@dataclass
class Host:
    """A folder of programs that is all of a host's PATH, and what was asked of them."""

    folder: Path

    def program(self, name: str, does: str = "", *, recorded: bool = True) -> None:
        record = f'echo "{name} $*" >>{self.folder}/asked\n' if recorded else ""
        (self.folder / name).write_text(f"#!/bin/sh\n{record}{does}\n")
        (self.folder / name).chmod(0o755)

    def manager(self, name: str, *packages: str, does: str = "") -> None:
        """Add one of Fedora's package managers whose repositories have these packages."""
        listing = LISTED.format(packages=" ".join(packages) or "none", otherwise=int(name != "microdnf"))
        self.program(name, listing + (does or self.brings))

    def apt(self, *candidates: str, does: str = "") -> None:
        self.program("apt-cache", APT_CACHE.format(candidates=" ".join(candidates) or "none"), recorded=False)
        self.program("apt-get", does or self.brings)

    @property
    def brings(self) -> str:
        """What a package manager does when it installs an engine."""
        return BRINGS.format(folder=self.folder, chmod=shutil.which("chmod"))

    @property
    def asked(self) -> list[str]:
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, script: str, shell: tuple[str, ...] = ("dash",)) -> tuple[int, str]:
        assert PATH in script
        if shutil.which(shell[0]) is None:
            pytest.skip(f"no {shell[0]}")
        done = subprocess.run(
            [str(shutil.which(shell[0])), *shell[1:], "-c", script.replace(PATH, f"PATH={self.folder}")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def install(self, identity: str, like: str = "") -> tuple[int, str]:
        release = self.folder / "os-release"
        release.write_text(f'NAME="Some Linux"\nID="{identity}"\n' + (f"ID_LIKE='{like}'\n" if like else ""))
        return self.run(install_script(str(release)))

    def installed(self) -> list[str]:
        """Return the packages that were asked for, each call's in one line."""
        return [line.split(" install ")[1] for line in self.asked if " install " in line]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    made.program("apparmor_parser", recorded=False)
    return made


@pytest.mark.parametrize("shell", SHELLS, ids=["dash", "busybox"])
@pytest.mark.parametrize("script", [present_script(), install_script(), install_script("/a b'c"), start_script(30)])
def test_the_scripts_are_plain_shell(script: str, shell: tuple[str, ...]):
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]}")
    done = subprocess.run([*shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_engine_is_there_or_not(host: Host):
    assert host.run(present_script())[0] != 0
    host.program("dockerd")
    assert host.run(present_script()) == (0, "")


def test_where_there_is_an_engine_nothing_is_installed(host: Host):
    host.program("dockerd")
    host.apt("docker.io")
    assert host.install("debian") == (0, "")
    assert host.asked == []


@pytest.mark.parametrize(("identity", "like"), [("debian", ""), ("ubuntu", "debian"), ("linuxmint", "ubuntu debian")])
def test_debian_and_its_kin_have_docker_io(host: Host, identity: str, like: str):
    host.apt("docker.io")
    host.manager("dnf", "moby-engine")
    assert host.install(identity, like) == (0, "")
    (line,) = host.asked
    assert line.startswith("apt-get -q -y -o DPkg::Lock::Timeout=")
    assert line.endswith(" install --no-install-recommends docker.io")


def test_the_command_line_comes_too_where_it_is_a_package_of_its_own(host: Host):
    host.apt("docker.io", "docker-cli")
    assert host.install("debian") == (0, "")
    assert host.installed() == ["--no-install-recommends docker.io docker-cli"]


def test_but_not_where_it_is_there(host: Host):
    host.apt("docker.io", "docker-cli")
    host.program("docker")
    assert host.install("debian") == (0, "")
    assert host.installed() == ["--no-install-recommends docker.io"]


def test_without_a_candidate_the_lists_are_fetched_once(host: Host):
    host.apt()
    code, output = host.install("debian")
    assert (code, output) == (1, "no package with an engine in the configured repositories: docker.io\n")
    assert [line.split()[-1] for line in host.asked] == ["update"]


def test_lists_that_are_too_old_are_fetched_again(host: Host):
    host.apt(
        "docker.io",
        does=f"""
case "$*" in *update*) touch {host.folder}/fresh; exit ;; esac
[ -e {host.folder}/fresh ] || {{ echo "E: Unable to fetch some archives, maybe run apt-get update"; exit 100; }}
touch {host.folder}/dockerd; cat {host.folder}/apt-cache >{host.folder}/dockerd
{shutil.which("chmod")} +x {host.folder}/dockerd""",
    )
    assert host.install("debian") == (0, "")
    assert [line.split()[-1] for line in host.asked] == ["docker.io", "update", "docker.io"]


def test_what_apt_says_is_told(host: Host):
    host.apt("docker.io", does="echo reading; echo 'E: You have held broken packages.'; exit 100")
    code, output = host.install("debian")
    assert code == 1
    assert output.startswith("apt-get install docker.io: ")
    assert output.endswith("E: You have held broken packages.\n")


@pytest.mark.parametrize(
    ("identity", "like"),
    [("fedora", ""), ("rocky", "rhel centos fedora"), ("amzn", "fedora"), ("openEuler", "")],
)
@pytest.mark.parametrize("manager", ["dnf", "microdnf", "yum"])
def test_fedora_and_its_kin_have_the_first_that_is_listed(host: Host, identity: str, like: str, manager: str):
    host.manager(manager, "docker-ce", "docker-engine", "docker")
    host.apt("docker.io")
    assert host.install(identity, like) == (0, "")
    assert host.installed() == ["docker"]
    assert host.asked[0] == f"{manager} -y makecache"


def test_dnf_comes_before_the_others(host: Host):
    for manager in ("yum", "microdnf", "dnf"):
        host.manager(manager, "moby-engine", "docker-cli")
    assert host.install("fedora") == (0, "")
    assert {line.split()[0] for line in host.asked} == {"dnf"}
    assert host.installed() == ["moby-engine", "docker-cli"]


def test_where_no_repository_has_an_engine_that_is_told(host: Host):
    host.manager("dnf")
    code, output = host.install("rocky", "rhel")
    told = "no package with an engine in the configured repositories: moby-engine, docker, docker-engine, docker-ce\n"
    assert (code, output) == (1, told)
    assert host.installed() == []


def test_where_no_repository_answers_that_is_told_instead(host: Host):
    host.manager("dnf", does="echo 'Error: Failed to download metadata for repo'; exit 1")
    assert host.install("fedora") == (1, "dnf makecache: Error: Failed to download metadata for repo\n")


def test_where_there_is_no_package_manager_that_is_told(host: Host):
    assert host.install("fedora") == (1, "none of dnf, microdnf, yum is there to install an engine with\n")


def test_a_package_that_brings_no_engine_is_no_success(host: Host):
    host.manager("dnf", "docker", does=":")
    assert host.install("rhel") == (1, "the package that was installed brought no dockerd\n")


@pytest.mark.parametrize("identity", ["alpine", "arch", ""])
def test_others_are_told_to_do_it_by_hand(host: Host, identity: str):
    host.apt("docker.io")
    code, output = host.install(identity)
    assert code == UNKNOWN_FAMILY
    assert output == f"no way known to install an engine on {identity or 'this distribution'}; install one by hand\n"
    assert host.asked == []


def test_without_os_release_too(host: Host):
    code, output = host.run(install_script("/nowhere"))
    assert (code, output.partition(";")[0]) == (
        UNKNOWN_FAMILY,
        "no way known to install an engine on this distribution",
    )


def placed(host: Host, script: str) -> str:
    """Return a start script whose socket, sockets in proc, log and sign of systemd are in the host's folder."""
    places = {
        "/var/run/docker.sock": "/docker.sock",
        "/proc/net/unix": "/unix",
        "/var/log/docker.log": "/log",
        "/run/systemd/system": "/systemd",
    }
    for there, here in places.items():
        assert there in script
        script = script.replace(there, f"{host.folder}{here}")
    return script


LISTENS = """
[ ! -e {folder}/docker.sock ] || exit 0
{python} -c 'import socket; socket.socket(socket.AF_UNIX).bind("{folder}/docker.sock")'
echo "0000000000000000: 00000002 00000000 00010000 0001 01 4242 /run/docker.sock" >{folder}/unix
"""


def listens(host: Host) -> str:
    return LISTENS.format(folder=host.folder, python=sys.executable)


@pytest.mark.parametrize("manager", ["service", "rc-service"])
def test_an_engine_is_started_by_the_hosts_own_service_manager(host: Host, manager: str):
    host.program("rc-service", listens(host))
    host.program(manager, listens(host))
    assert host.run(placed(host, start_script(10))) == (0, "")
    assert host.asked == [f"{manager} docker start"]
    assert host.run(placed(host, start_script(10))) == (0, "")
    assert len(host.asked) == 1


def systemctl(state: str) -> str:
    """Return a systemctl for which docker.service is in this state once it was started."""
    return (
        'case "$*" in "start --no-block docker.service") touch {folder}/started ;; *reset-failed*) ;;\n'
        '*"is-active docker.socket") ;;\n'
        f'*"{state} docker.service") [ -e {{folder}}/started ] ;; *) exit 3 ;; esac'
    )


def test_systemd_starts_it_where_systemd_runs_even_if_it_listens_in_its_place(host: Host):
    (host.folder / "systemd").mkdir()
    host.program("systemctl", systemctl("is-active").format(folder=host.folder))
    host.program("listen", listens(host), recorded=False)
    subprocess.run([host.folder / "listen"], check=True)
    host.program("service")
    assert host.run(placed(host, start_script(10))) == (0, "")
    changes = [line for line in host.asked if " is-" not in line]
    assert changes == ["systemctl --quiet reset-failed docker.service", "systemctl start --no-block docker.service"]


def test_where_systemd_gives_up_the_journal_is_told_at_once(host: Host):
    (host.folder / "systemd").mkdir()
    host.program("systemctl", systemctl("is-failed").format(folder=host.folder))
    host.program("journalctl", "echo failed to start daemon: no space")
    assert host.run(placed(host, start_script(600))) == (1, "failed to start daemon: no space\n")


def test_where_the_engine_does_not_listen_its_log_is_told_after_the_deadline(host: Host):
    host.program("service", "echo Starting Docker")
    (host.folder / "log").write_text("".join(f"line {number}\n" for number in range(9)))
    code, output = host.run(placed(host, start_script(1)))
    assert (code, output.splitlines()) == (1, ["Starting Docker", *(f"line {number}" for number in range(4, 9))])


def test_a_service_that_cannot_start_is_not_waited_for(host: Host):
    host.program("service", "echo 'docker: unrecognized service' >&2; exit 1")
    assert host.run(placed(host, start_script(600))) == (1, "docker: unrecognized service\n")


def test_without_a_service_manager_that_is_told(host: Host):
    code, output = host.run(placed(host, start_script(600)))
    assert (code, output.partition(":")[0]) == (1, "no service manager to start the engine by")
