"""labctl: installs what is missing, once, and then gets out of the way."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

LABCTL = Path(__file__).parents[2] / "labctl"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# No index: what these tests install needs no network. No byte code: labctl has to undo it.
ENVIRONMENT = {"PATH": PATH, "PIP_NO_INDEX": "1", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
COMMANDS = ("dockerd", "docker", "ip", "nft", "iptables", "nsenter", "unshare", "mount", "busybox", "nginx")

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "swarm-lab"
version = "0.1.0"
[project.optional-dependencies]
test = []
"""

BACKEND = """\
import pathlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    files = {
        "lab.pth": str(pathlib.Path.cwd()),
        "swarm_lab-0.1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: swarm-lab\\n"
        "Version: 0.1.0\\nProvides-Extra: test\\n",
        "swarm_lab-0.1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n"
        "Tag: py3-none-any\\n",
        "swarm_lab-0.1.0.dist-info/entry_points.txt": "[console_scripts]\\nlab = lab.cli:main\\n",
    }
    files["swarm_lab-0.1.0.dist-info/RECORD"] = "".join(f"{name},,\\n" for name in files)
    name = "swarm_lab-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""

CLI = """\
import pathlib, sys

def main():
    print("lab 0.1.0" if sys.argv[1:] == ["--version"] else f"{pathlib.Path.cwd()}: {sys.argv[1:]}")
"""

PYTEST = "import sys\nprint('pytest', *sys.argv[1:])\n"

# A machine made of this one: its root file system under a layer that is thrown away, an empty package
# database, no nginx, and a package source that has two packages, one of them with a service.
FRESH_MACHINE = """
set -eu
mount -t tmpfs tmpfs "$1/layer"
mkdir "$1/layer/upper" "$1/layer/work"
mount -t overlay -o "lowerdir=/,upperdir=$1/layer/upper,workdir=$1/layer/work" overlay "$1/root"
cd "$1/root"
for folder in proc dev; do mount --rbind "/$folder" "$folder"; done
for folder in run tmp var/lib/dpkg var/lib/apt var/cache/apt etc/apt; do mount -t tmpfs tmpfs "$folder"; done
mkdir -p "$PWD$2" "$PWD$3" etc/apt/apt.conf.d etc/apt/preferences.d
for folder in info updates triggers alternatives; do mkdir "var/lib/dpkg/$folder"; done
touch var/lib/dpkg/status
mount --bind "$2" "$PWD$2"
mount --bind "$3" "$PWD$3"
echo "deb [trusted=yes] file:$3 ./" >etc/apt/sources.list
rm -f usr/sbin/nginx usr/sbin/policy-rc.d etc/init.d/nginx etc/rc?.d/*nginx
# Without these two no service would be started even without labctl.
[ -e sbin/init ] || touch sbin/init
rm -f sbin/runlevel
printf '#!/bin/sh\\necho N 3\\n' >sbin/runlevel
chmod 755 sbin/runlevel
find etc/systemd var/lib/systemd -name 'nginx.service*' -delete
exec chroot . sh -c "cd '$2'; $4"
"""

NGINX = {
    "usr/sbin/nginx": "#!/bin/sh\n",
    "etc/init.d/nginx": """\
#!/bin/sh
### BEGIN INIT INFO
# Provides: nginx
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
touch "/run/nginx-$1"
""",
    "usr/lib/systemd/system/nginx.service": "[Service]\nExecStart=/usr/sbin/nginx\n"
    "[Install]\nWantedBy=multi-user.target\n",
    "DEBIAN/postinst": """\
#!/bin/sh
set -e
[ ! -f /run/scene ] || . /run/scene
update-rc.d nginx defaults
if deb-systemd-helper --quiet was-enabled nginx.service; then
    deb-systemd-helper enable nginx.service
fi
invoke-rc.d nginx start
""",
}

REPORT = """
echo code=$?
ls /usr/sbin/policy-rc.d 2>/dev/null
ls /run/nginx-start 2>/dev/null
find /etc/systemd -name nginx.service
ls -d /etc/rc3.d/S*nginx 2>/dev/null
true
"""

STARTED = "/run/nginx-start"
ENABLED = {"/etc/systemd/system/multi-user.target.wants/nginx.service", "/etc/rc3.d/S01nginx"}


def run(*command: str | Path, cwd: Path = Path("/"), **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in an environment of known content."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@cache
def lacks_mounts() -> str:
    """Tell why a machine cannot be made of this one; empty where it can."""
    if os.geteuid() != 0:
        return "needs root"
    with tempfile.TemporaryDirectory() as folder:
        probe = (
            f"mount -t tmpfs t {folder} && mkdir {folder}/u {folder}/w {folder}/m &&"
            f" mount -t overlay -o lowerdir=/,upperdir={folder}/u,workdir={folder}/w o {folder}/m"
        )
        done = run("unshare", "--mount", "sh", "-c", probe)
    return "" if done.returncode == 0 else f"needs mounts of its own: {done.stderr.strip()}"


@cache
def lacks_programs() -> str:
    """Tell what of the system's programs is missing here, which labctl would install; empty for nothing."""
    missing = [command for command in COMMANDS if shutil.which(command, path=PATH) is None]
    if shutil.which("dpkg-deb", path=PATH) is None:
        missing.append("dpkg-deb")
    return f"needs {', '.join(missing)}" if missing else ""


def make_checkout(place: Path) -> Path:
    """Make a checkout of labctl and the smallest project that it can install; return its folder."""
    (place / "lab").mkdir(parents=True)
    shutil.copy2(LABCTL, place / "labctl")
    (place / "pyproject.toml").write_text(PYPROJECT)
    (place / "backend.py").write_text(BACKEND)
    (place / "lab" / "__init__.py").touch()
    (place / "lab" / "cli.py").write_text(CLI)
    (place / "pytest.py").write_text(PYTEST)
    return place


@dataclass(frozen=True)
class FirstRuns:
    """A checkout, and what two first runs at the same moment said."""

    checkout: Path
    said: tuple[str, str]
    codes: tuple[int, int]


@pytest.fixture(scope="module")
def first_runs() -> Iterator[FirstRuns]:
    """Start labctl twice at once in a fresh checkout that everybody may read."""
    if os.geteuid() != 0:
        pytest.skip("needs root: labctl installs only as root")
    with tempfile.TemporaryDirectory(prefix="labctl ") as folder:
        Path(folder).chmod(0o755)
        checkout = make_checkout(Path(folder) / "my checkout")
        runs = [
            subprocess.Popen(
                [checkout / "labctl", "--version"],
                env=ENVIRONMENT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2)
        ]
        first, second = (each.communicate(timeout=60)[0] for each in runs)
        yield FirstRuns(checkout, (first, second), (runs[0].returncode, runs[1].returncode))


@pytest.fixture(scope="module")
def checkout(first_runs: FirstRuns) -> Path:
    """Return a checkout with everything installed."""
    return first_runs.checkout


@pytest.fixture(scope="module")
def complete(checkout: Path) -> Path:
    """Return a checkout with everything installed, on a machine that has every program."""
    if lacks_programs():
        pytest.skip(lacks_programs())
    return checkout


def pack(name: str, files: dict[str, str], repository: Path) -> str:
    """Build a Debian package into a repository; return its entry for the index."""
    tree = repository / name
    control = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: {name}\n"
    for path, text in (files | {"DEBIAN/control": control}).items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755)
    package = repository / f"{name}.deb"
    run("dpkg-deb", "--build", "-Znone", "--root-owner-group", tree, package).check_returncode()
    content = package.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    return f"{control}Filename: ./{package.name}\nSize: {len(content)}\nSHA256: {checksum}\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a source of packages without network: nginx with its service, and busybox-static."""
    folder = tmp_path_factory.mktemp("packages")
    entries = [pack("nginx", NGINX, folder), pack("busybox-static", {}, folder)]
    (folder / "Packages").write_text("\n".join(entries))
    return folder


def on_a_fresh_machine(
    script: str, complete: Path, repository: Path, tmp_path: Path
) -> subprocess.CompletedProcess[str]:
    """Run a script in the checkout on a machine without nginx, made of this one and gone afterwards."""
    if lacks_mounts():
        pytest.skip(lacks_mounts())
    for folder in ("layer", "root"):
        (tmp_path / folder).mkdir()
    return run("unshare", "--mount", "sh", "-c", FRESH_MACHINE, "sh", tmp_path, complete, repository, script)


def test_is_plain_shell() -> None:
    """Any POSIX shell reads it."""
    done = run("sh", "-n", LABCTL)
    assert (done.returncode, done.stderr) == (0, "")


def test_two_first_runs_at_once_install_once(first_runs: FirstRuns) -> None:
    """One installs, the other waits for it; both then run the command."""
    assert first_runs.codes == (0, 0)
    assert all(said.endswith("lab 0.1.0\n") for said in first_runs.said), first_runs.said
    assert sum(said.count("installing into .venv") for said in first_runs.said) == 1


def test_byte_code_is_kept(checkout: Path) -> None:
    """Even where the environment forbids to write it."""
    assert list((checkout / "lab" / "__pycache__").glob("cli.*.pyc"))


def test_second_run_says_nothing_and_costs_nothing(complete: Path) -> None:
    """It adds less than 0.1 s to the command itself; minimums, because others use this machine too."""
    with_labctl: list[float] = []
    alone: list[float] = []
    for _ in range(7):
        for command, times in ((complete / "labctl", with_labctl), (complete / ".venv/bin/lab", alone)):
            started = time.perf_counter()
            done = run(command, "--version")
            times.append(time.perf_counter() - started)
            assert (done.returncode, done.stdout, done.stderr) == (0, "lab 0.1.0\n", "")
    assert min(with_labctl) - min(alone) < 0.1


def test_runs_from_anywhere_and_through_a_link(complete: Path, tmp_path: Path) -> None:
    """The command sees the caller's folder and the arguments as they were given."""
    elsewhere = tmp_path / "some where"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(complete / "labctl")
    done = run("./link", "up", "a b", "", cwd=elsewhere)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{elsewhere}: ['up', 'a b', '']\n", "")


def test_foreign_python_settings_do_no_harm(complete: Path, tmp_path: Path) -> None:
    """A package on PYTHONPATH must not pass for one that is installed."""
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    assert run(complete / "labctl", "--version", PYTHONPATH=str(tmp_path)).stdout == "lab 0.1.0\n"


def test_test_runs_pytest_in_the_checkout(complete: Path) -> None:
    """The folders that need more than this machine are left out unless they are named."""
    first = run(complete / "labctl", "test")
    assert (
        first.stdout
        == "pytest --ignore=tests/exhaustive --ignore=tests/benchmarks --ignore=tests/fresh_machine --ignore=tests/vm\n"
    )
    assert "with those of the tests" in first.stderr
    named = run(complete / "labctl", "test", "-k", "a b", "tests/benchmarks")
    assert (named.stdout, named.stderr) == (
        "pytest --ignore=tests/exhaustive --ignore=tests/fresh_machine --ignore=tests/vm -k a b tests/benchmarks\n",
        "",
    )


def words_of_machines(checkout: Path) -> str:
    """Return the words of labctl that name what virtual machines need."""
    return (checkout / "labctl").read_text().split('needs_of_machines="\\\n', 1)[1].split('"\n', 1)[0]


@pytest.fixture
def machines(complete: Path) -> Iterator[str]:
    """The words of labctl that name what virtual machines need; what they say is put back at the end."""
    text = (complete / "labctl").read_text()
    yield words_of_machines(complete)
    (complete / "labctl").write_text(text)


def needing(complete: Path, machines: str, command: str) -> Path:
    """Have virtual machines need a command only."""
    labctl = complete / "labctl"
    labctl.write_text(labctl.read_text().replace(machines, f"{command} package-of-it virtual machines"))
    return labctl


@pytest.mark.parametrize(
    ("asked", "folder", "other"),
    [("--vm", "tests/vm", "tests/fresh_machine"), ("--fresh-machine", "tests/fresh_machine", "tests/vm")],
)
def test_tests_on_virtual_machines_are_run_with_what_they_need(
    complete: Path, machines: str, asked: str, folder: str, other: str
) -> None:
    some = run(needing(complete, machines, "sh"), "test", asked, "-x")
    ignored = f"--ignore=tests/exhaustive --ignore=tests/benchmarks --ignore={other}"
    assert some.stdout == f"pytest {ignored} {folder} -x\n"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("test", "--vm"), True),
        (("test", "--fresh-machine"), True),
        (("image", "build", "trixie"), True),
        (("up", "-i", "vm"), True),
        (("up", "--inventory=vm"), True),
        (("up", "-i", "mixed.yml"), True),
        (("up", "-i", "commented.yml"), False),
        (("up",), False),
        (("test",), False),
    ],
)
def test_only_who_asks_for_virtual_machines_or_images_needs_what_makes_them(
    complete: Path, machines: str, tmp_path: Path, words: tuple[str, ...], asked: bool
) -> None:
    """Asked as somebody who may install nothing, so that what is missing is named."""
    labctl = needing(complete, machines, "no-such-command")
    (complete / "inventory").mkdir(exist_ok=True)
    (complete / "inventory" / "vm.yml").write_text("all:\n  vars:\n    lab_provider: vm\n")
    (tmp_path / "mixed.yml").write_text("all: {vars: {lab_host_root: trixie}}\n")
    (tmp_path / "commented.yml").write_text("# lab_host_root: trixie\n")
    tmp_path.chmod(0o755)
    for folder in (tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(folder.stat().st_mode | 0o011)
    done = run(*AS_NOBODY, labctl, *words, cwd=tmp_path)
    assert ("package-of-it" in done.stderr) == asked, done.stderr


@pytest.mark.usefixtures("complete")
@pytest.mark.parametrize("own", [True, False])
def test_a_user_makes_the_environment_of_an_own_checkout_for_machines(own: bool) -> None:
    """No root is needed where every program is there; in somebody else's checkout nothing is made."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        checkout = make_checkout(Path(folder) / "checkout")
        needing(checkout, words_of_machines(checkout), "sh")
        (checkout / "inventory").mkdir()
        (checkout / "inventory" / "vm.yml").write_text("all:\n  vars:\n    lab_provider: vm\n")
        if own:
            for path in (checkout, *checkout.rglob("*")):
                os.chown(path, 65534, 65534)
        done = run(*AS_NOBODY, "./labctl", "up", "-i", "vm", cwd=checkout)
        if own:
            assert (done.returncode, done.stdout) == (0, f"{checkout}: ['up', '-i', 'vm']\n"), done.stderr
            assert (checkout / ".venv").stat().st_uid == 65534
            refused = run(*AS_NOBODY, "./labctl", "up", cwd=checkout)
            assert (refused.returncode, refused.stdout) == (3, "")
            assert "this needs root" in refused.stderr
        else:
            assert (done.returncode, done.stdout) == (3, "")
            assert "missing: .venv" in done.stderr
            assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("stage", "list"), ("up", "--help"), ()])
def test_what_only_tells_needs_no_root(complete: Path, words: tuple[str, ...]) -> None:
    """Help and lists are for everybody once everything is installed."""
    done = run(*AS_NOBODY, complete / "labctl", *words)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_changes_something_needs_root(complete: Path) -> None:
    """The message has the line to type, fit for a shell."""
    done = run(*AS_NOBODY, "./labctl", "up", "--verbose", cwd=complete)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert done.stderr.endswith(
        "needs root: the lab makes network namespaces and starts Docker Engines. Run: sudo ./labctl up --verbose\n"
    )
    absolute = run(*AS_NOBODY, complete / "labctl", "up")
    assert absolute.stderr.endswith(f"Run: sudo '{complete}/labctl' up\n")


@pytest.mark.usefixtures("complete")
def test_installing_needs_root() -> None:
    """Without an environment even the help cannot be shown; nothing is left behind."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bare = make_checkout(Path(folder) / "bare")
        done = run(*AS_NOBODY, "./labctl", "--help", cwd=bare)
        assert not (bare / ".venv").exists()
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "labctl: not everything is installed yet (missing: .venv), and installing needs root."
        " Run: sudo ./labctl --help\n"
    )


def test_installs_what_is_missing_and_starts_nothing(complete: Path, repository: Path, tmp_path: Path) -> None:
    """Afterwards no service runs, none is enabled, no policy is left; the second run is silent."""
    script = f"./labctl up; {REPORT} ./labctl up; echo again=$?"
    done = on_a_fresh_machine(script, complete, repository, tmp_path)
    assert done.stdout.splitlines() == [f"{complete}: ['up']", "code=0", f"{complete}: ['up']", "again=0"]
    assert done.stderr.splitlines() == [
        "labctl: installing nginx: the image of the web service",
        "labctl: installing busybox-static: the image of the containers, a program without libraries",
    ]


def test_the_package_would_start_its_service(complete: Path, repository: Path, tmp_path: Path) -> None:
    """Without labctl it is started and enabled: the tests beside this one are sharp."""
    script = f"(apt-get update && apt-get install -y nginx) >/dev/null 2>&1; {REPORT}"
    done = on_a_fresh_machine(script, complete, repository, tmp_path)
    assert set(done.stdout.splitlines()) == {"code=0", STARTED, *ENABLED}


def test_a_policy_of_the_user_stays_as_it_is(complete: Path, repository: Path, tmp_path: Path) -> None:
    """Even one that allows every start does not let labctl's packages start anything."""
    script = f"""
        printf '#!/bin/sh\\nexit 0\\n' >/usr/sbin/policy-rc.d; chmod 750 /usr/sbin/policy-rc.d
        ./labctl up; {REPORT} stat -c %a /usr/sbin/policy-rc.d; cat /usr/sbin/policy-rc.d"""
    done = on_a_fresh_machine(script, complete, repository, tmp_path)
    assert done.stdout.splitlines()[1:] == ["code=0", "/usr/sbin/policy-rc.d", "750", "#!/bin/sh", "exit 0"]


def test_a_failed_installation_says_why(complete: Path, repository: Path, tmp_path: Path) -> None:
    """The last lines of apt-get, one line of labctl, exit code 3, and no policy left."""
    script = f"echo 'echo the disk is on fire >&2; exit 7' >/run/scene; ./labctl up; {REPORT}"
    done = on_a_fresh_machine(script, complete, repository, tmp_path)
    assert done.stdout.splitlines() == ["code=3"]
    assert "the disk is on fire" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "labctl: apt-get could not install nginx busybox-static; its last lines are above."
        " Mend that, then run: sudo ./labctl up"
    )


def test_an_interrupted_installation_leaves_nothing_on(complete: Path, repository: Path, tmp_path: Path) -> None:
    """A termination in the middle of apt-get waits for its end, cleans up, and says so by the exit code."""
    script = f"""
        echo 'touch /run/reached; sleep 0.5' >/run/scene
        ./labctl up & running=$!
        until [ -e /run/reached ]; do sleep 0.05; done
        /usr/sbin/policy-rc.d nginx start; echo meanwhile=$?
        kill -TERM $running; wait $running; {REPORT}"""
    done = on_a_fresh_machine(script, complete, repository, tmp_path)
    assert done.stdout.splitlines() == ["meanwhile=101", "code=143"]


def test_another_distribution_is_told_what_to_install(complete: Path, repository: Path, tmp_path: Path) -> None:
    """The list names what is missing and nothing else; with nothing missing the command runs."""
    script = f"""
        rm /etc/os-release; echo ID=fedora >/etc/os-release
        ./labctl up; {REPORT} touch /usr/sbin/nginx; chmod 755 /usr/sbin/nginx; ./labctl up"""
    done = on_a_fresh_machine(script, complete, repository, tmp_path)
    assert done.stdout.splitlines() == ["code=3", f"{complete}: ['up']"]
    told = done.stderr.splitlines()
    assert "labctl:   nginx: the image of the web service" in told
    assert not [line for line in told if "dockerd" in line or "installing" in line]


def test_what_is_half_made_is_not_used(complete: Path) -> None:
    """After pip has failed nobody gets the environment, and the next run makes it anew."""
    pyproject = complete / "pyproject.toml"
    pyproject.write_text(PYPROJECT.replace("requires = []", 'requires = ["no-such-distribution"]'))
    try:
        failed = run("./labctl", "up", cwd=complete)
        refused = run(*AS_NOBODY, "./labctl", "--version", cwd=complete)
    finally:
        pyproject.write_text(PYPROJECT)
    assert (failed.returncode, failed.stdout, refused.returncode) == (3, "", 3)
    assert "no-such-distribution" in failed.stderr
    assert failed.stderr.splitlines()[-1].startswith("labctl: pip could not install the lab's Python packages")
    made_anew = run("./labctl", "--version", cwd=complete)
    assert (made_anew.returncode, made_anew.stdout) == (0, "lab 0.1.0\n")
    assert "installing into .venv" in made_anew.stderr
