"""The tutorial's two images, made on the spot from this machine's Debian packages.

``swarm-lab/busybox:debian`` (package busybox-static) stands where the tutorial says alpine, and
``swarm-lab/nginx:debian`` (package nginx) where it says nginx: under their own names, because they are neither.
"""

from __future__ import annotations

import io
import platform
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from lab.engine.archive import ImageContent
from lab.errors import MachineLacks

SHELL_TAG = "swarm-lab/busybox:debian"
WEB_TAG = "swarm-lab/nginx:debian"
SOURCE_LABEL = "swarm-lab.source"
"""The label that tells from which package versions an image was made."""

RECIPE = 2
"""Raised whenever what goes into an image changes: an image of an older recipe is then replaced."""

_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}
_SEARCH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_FOLDERS = ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var")
_WEB_FOLDERS = ("etc/nginx", "usr/sbin", "usr/share/nginx", "var/lib/nginx", "var/log/nginx")
_NGINX_CONF = """\
user root;
daemon off;
worker_processes 1;
pid /run/nginx.pid;
error_log /dev/stderr;
events { worker_connections 256; }
http {
    access_log off;
    server {
        listen 80;
        location / { return 200 "$hostname\\n"; }
    }
}
"""


def architecture() -> str:
    """Return this machine's architecture as images name it."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def source() -> str:
    """Return what the images are made of: recipe and package versions. Raises MachineLacks where one is missing."""
    asked = ("busybox-static", "nginx")
    try:
        done = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n", *asked],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise MachineLacks("images are made from Debian packages, and there is no dpkg", hint="--images DIR") from None
    versions = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if line.endswith(" installed")}
    missing = [package for package in asked if package not in versions]
    if missing:
        raise MachineLacks(f"missing for the images: {', '.join(missing)}", hint="./labctl up installs them")
    return f"recipe {RECIPE}, " + ", ".join(f"{package} {versions[package]}" for package in asked)


def make() -> list[ImageContent]:
    """Return both images, shell first; the second stands on the first's layer."""
    labels = {SOURCE_LABEL: source()}
    shell = _layer(_shell)
    return [
        ImageContent(SHELL_TAG, (shell,), ("/bin/sh",), labels),
        ImageContent(WEB_TAG, (shell, _layer(_nginx)), ("/usr/sbin/nginx",), labels),
    ]


def _layer(fill: Callable[[tarfile.TarFile], None]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        fill(layer)
    return buffer.getvalue()


def _shell(layer: tarfile.TarFile) -> None:
    for folder in _FOLDERS:
        _folder(layer, folder)
    _file(layer, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    _file(layer, "etc/group", b"root:x:0:\n")
    _busybox(layer)


def _busybox(layer: tarfile.TarFile) -> None:
    binary = _program("busybox")
    _file(layer, "bin/busybox", binary.read_bytes(), mode=0o755)
    listed = subprocess.run([binary, "--list"], capture_output=True, text=True, check=True)
    for applet in listed.stdout.split():
        if applet != "busybox":
            _link(layer, f"bin/{applet}", "busybox")


def _nginx(layer: tarfile.TarFile) -> None:
    binary = _program("nginx")
    for folder in _WEB_FOLDERS:
        _folder(layer, folder)
    _file(layer, "usr/sbin/nginx", binary.read_bytes(), mode=0o755)
    _file(layer, "etc/nginx/nginx.conf", _NGINX_CONF.encode())
    for library in _libraries(binary):
        for parent in reversed(library.relative_to("/").parents[:-1]):
            _folder(layer, str(parent))
        _file(layer, str(library.relative_to("/")), library.read_bytes(), mode=0o755)


def _libraries(binary: Path) -> list[Path]:
    """Return the shared libraries and the loader that a program needs, by the paths at which it looks for them."""
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True)
    return sorted({Path(path) for path in re.findall(r"(/\S+) \(0x", listed.stdout)})


def _program(name: str) -> Path:
    found = shutil.which(name, path=_SEARCH)
    if found is None:
        raise MachineLacks(f"{name} is missing for the images", hint="./labctl up installs it")
    return Path(found)


def _folder(layer: tarfile.TarFile, name: str) -> None:
    if name in {member.name for member in layer.getmembers() if member.isdir()}:
        return
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    member.mode = 0o1777 if name == "tmp" else 0o755
    layer.addfile(member)


def _file(layer: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = mode
    layer.addfile(member, io.BytesIO(content))


def _link(layer: tarfile.TarFile, name: str, target: str) -> None:
    member = tarfile.TarInfo(name)
    member.type = tarfile.SYMTYPE
    member.linkname = target
    layer.addfile(member)
