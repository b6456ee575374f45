"""The wheel is the whole product: installed anywhere, it runs without the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import pytest

CHECKOUT = Path(__file__).parents[2]
NOT_SHIPPED = re.compile(r"(^|/)(__pycache__|\.ansible|\.\w+_cache)/|\.pyc$")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, with no setting of Python from outside; return its output."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_below(folder: Path) -> set[str]:
    """Return the files that belong to the product, relative to a folder."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if not NOT_SHIPPED.search(name)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, without network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT)
    run(*build, cwd=folder)
    (built,) = folder.glob("swarm_lab-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """Install the wheel into an environment of its own; its dependencies are those of this test run."""
    environment = wheel.parent / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=wheel.parent)
    python = environment / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(python, "-c", where, cwd=wheel.parent).strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = (python, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--ignore-installed", wheel)
    run(*install, cwd=wheel.parent)
    return environment / "bin"


@pytest.mark.parametrize("folder", ["inventory", "playbooks", "roles"])
def test_the_wheel_has_the_project(wheel: Path, folder: str) -> None:
    """Every file of the playbooks, roles and inventories is in it."""
    expected = {f"lab/project/{folder}/{name}" for name in files_below(CHECKOUT / folder)}
    assert expected
    assert expected - set(ZipFile(wheel).namelist()) == set()


def test_the_wheel_has_the_package_and_the_collection(wheel: Path) -> None:
    """Ansible's configuration, the package with its data files, and the collection are in it."""
    names = set(ZipFile(wheel).namelist())
    expected = {f"lab/{name}" for name in files_below(CHECKOUT / "lab")}
    assert "lab/project/ansible.cfg" in names
    assert any(name.startswith("lab/collections/ansible_collections/lab/swarm/") for name in expected)
    assert {"lab/catalogues/en.yml", "lab/catalogues/ja.yml", "lab/report/transcript.md.j2"} <= names
    assert expected - names == set()


def test_the_wheel_has_nothing_else(wheel: Path) -> None:
    """No caches, no tests."""
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert [name for name in names if NOT_SHIPPED.search(name) or not name.startswith("lab/")] == []


def test_the_installed_command_runs_anywhere(installed: Path, tmp_path: Path) -> None:
    """From a folder that has nothing of the project, and out of the wheel only."""
    where = "import lab, pathlib; print(pathlib.Path(lab.__file__).parent)"
    assert CHECKOUT not in Path(run(installed / "python", "-c", where, cwd=tmp_path).strip()).parents
    assert run(installed / "lab", "--version", cwd=tmp_path).strip() == "lab 0.1.0"
    assert "stage" in run(installed / "lab", "--help", cwd=tmp_path)
    assert "swarm" in run(installed / "lab", "stage", "list", cwd=tmp_path)
