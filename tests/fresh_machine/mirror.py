"""What a new machine without a network is served: Debian's and Python's packages that its first command asks for.

They are fetched by this machine's own apt and pip from their configured sources, before the machine is started.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.hosts.images import Image

PYTHON = "/usr/bin/python3"


def debian(folder: Path, image: Image, packages: Sequence[str]) -> None:
    """Fetch what installing packages on an image would fetch, and write the index that apt asks for."""
    (folder / "partial").mkdir(parents=True)
    status = image.tree / "var/lib/dpkg/status"
    _run(
        *("apt-get", "install", "-y", "--download-only", "--no-install-recommends"),
        *("-o", f"Dir::State::status={status}", "-o", f"Dir::Cache::archives={folder}", "-o", "Debug::NoLocking=1"),
        *packages,
    )
    shutil.rmtree(folder / "partial")
    (folder / "lock").unlink(missing_ok=True)
    entries = []
    for package in sorted(folder.glob("*.deb")):
        control = _run("dpkg-deb", "-f", str(package)).strip()
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        entries.append(f"{control}\nFilename: {package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n")
    (folder / "Packages.gz").write_bytes(gzip.compress("\n".join(entries).encode()))


def python(folder: Path, repo: Path) -> None:
    """Fetch the wheels that installing the project needs, in the form of a simple index (PEP 503)."""
    wheels = folder / "wheels"
    build = re.findall(r'requires = \["([^"]+)"\]', (repo / "pyproject.toml").read_text())
    _run(PYTHON, "-m", "venv", str(folder / "venv"))
    pip = (str(folder / "venv/bin/pip"), "download", "-q", "--disable-pip-version-check", "-d", str(wheels))
    _run(*pip, str(repo), *build, "editables")
    shutil.rmtree(folder / "venv")
    for wheel in sorted(wheels.glob("*.whl")):
        name = re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
        (folder / name).mkdir(exist_ok=True)
        wheel.rename(folder / name / wheel.name)
    shutil.rmtree(wheels)


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """Serve a folder on this machine's loopback interface; yields the port."""

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
