"""Host images on this machine: made from a recipe once, kept under the recipe's digest, used by every lab.

An image is a directory: ``tree`` (the root of embedded hosts; only where root made it), ``disk`` (the same files as
a file system, the lower layer of virtual machines' disks), ``vmlinuz`` (the kernel that they are started with) and
``image.json``. It is made beside its place and moved there whole, so that what an interrupted run leaves is never
used.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lab.errors import InvalidInput, LabError, MachineLacks
from lab.hosts import recipes, room, state
from lab.hosts.base import LabPaths, image_home, state_home
from lab.hosts.programs import search_path, which
from lab.hosts.recipes import Recipe, Source
from lab.hosts.state import ProcessRecord, start_time

PROGRAMS = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "tar": "tar"}
"""What an image is made with, and the Debian package that has it."""

FREE_MIB = 2500
"""What a build takes at most: the tree, the disk, and the packages while they are installed."""

_ENDING_ROOT = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"),
)
_ENDING_USER = ("setpriv", "--pdeathsig", "TERM")
_DRAFT = ".draft-"
_TRIM = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")


@dataclass(frozen=True)
class Image:
    """A finished image: its recipe's name and digest, and what it brings. ``built`` is seconds since the epoch."""

    name: str
    digest: str
    architecture: str
    kernel: str
    engine: str
    built: int
    path: Path
    bytes: int = 0

    @property
    def tree(self) -> Path:
        """The root of embedded hosts."""
        return self.path / "tree"

    @property
    def disk(self) -> Path:
        """The file system of virtual machines."""
        return self.path / "disk"

    @property
    def linux(self) -> Path:
        """The kernel."""
        return self.path / "vmlinuz"

    @property
    def current(self) -> bool:
        """Whether the recipe is still the one that it was made by."""
        known = recipes.RECIPES.get(self.name)
        return known is not None and known.digest(self.architecture) == self.digest


def listed() -> list[Image]:
    """Return the finished images, by name and age."""
    found = [_read(record) for record in sorted(image_home().glob("[!.]*/image.json"))]
    return sorted(found, key=lambda image: (image.name, image.built))


def _read(record: Path) -> Image:
    raw = json.loads(record.read_text())
    return Image(**{**raw, "path": record.parent})


def find(name: str) -> Image | None:
    """Return the image that the recipe of that name makes today, None where it is not made yet."""
    digest = recipes.recipe(name).digest(recipes.architecture())
    record = image_home() / f"{name}-{digest}" / "image.json"
    return _read(record) if record.is_file() else None


def require(name: str) -> Image:
    """Return the image of that name; raises MachineLacks where it is not made yet."""
    found = find(name)
    if found is None:
        raise MachineLacks(f"host image {name} is not made yet", hint=f"lab image build {name}")
    return found


def check() -> None:
    """Raise MachineLacks where this machine cannot make images."""
    missing = [package for program, package in PROGRAMS.items() if which(program) is None]
    if missing:
        raise MachineLacks(
            f"missing on this machine: {', '.join(missing)}", hint=f"apt-get install {' '.join(missing)}"
        )
    room.require_disk(image_home(), FREE_MIB, "to make a host image", "LAB_IMAGE_DIR")


def build(name: str, source: str = "") -> Image:
    """Return the image of that name, making it where it is not there; ``source`` is an address of Debian's packages.

    Several processes may ask at once: one makes it, the others wait. Raises MachineLacks with the last words of
    mmdebstrap(1) where it cannot be made.
    """
    recipe = recipes.recipe(name)
    found = find(name)
    if found is not None:
        return found
    check()
    places = [Source(source, "Debian")] if source else recipes.configured_sources()
    home = image_home()
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _one_at_a_time(home):
        found = find(name)
        if found is not None:
            return found
        _sweep(home)
        draft = home / f"{_DRAFT}{os.getpid()}-{start_time(os.getpid())}"
        draft.mkdir(mode=0o755)
        try:
            _make(recipe, places, draft)
            final = home / f"{name}-{recipe.digest(recipes.architecture())}"
            draft.rename(final)
        finally:
            remove_tree(draft)
    return require(name)


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    directory = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _sweep(home: Path) -> None:
    """Remove what runs that have gone left half made; the lock is held, so nobody is making any."""
    for draft in home.glob(f"{_DRAFT}*"):
        pid, _, started = draft.name.removeprefix(_DRAFT).partition("-")
        if not ProcessRecord(int(pid), int(started)).alive():
            remove_tree(draft)


def _make(recipe: Recipe, places: Sequence[Source], draft: Path) -> None:
    """Fill a draft; see the module's words for what is in it."""
    architecture, root = recipes.architecture(), os.geteuid() == 0
    kind = "bare" if recipe.bare else "host"
    trim = [f"--dpkgopt=path-exclude=/{folder}/*" for folder in _TRIM]
    setup = f'sh {shlex.quote(str(recipes.SETUP))} "$1" {kind}'
    where = draft / "tree" if root else draft / "tree.tar"
    sources = recipes.lines(recipe.suite, places)
    _run(
        [
            "mmdebstrap",
            f"--mode={'root' if root else 'unshare'}",
            f"--architectures={architecture}",
            "--variant=apt",
            f"--include={','.join(recipe.all_packages(architecture))}",
            *trim,
            f"--customize-hook={setup}",
            recipe.suite,
            str(where),
            *sources,
        ],
        draft,
    )
    size = f"{recipes.DISK_SIZE_MIB}M"
    disk = ["mke2fs", "-q", "-F", *recipes.DISK]
    if root:
        _run([*disk, "-d", str(where), str(draft / "disk"), size], draft)
        tree = where
    else:
        # Files that are root's inside the user's own name space of users; the disk comes out of it as a sparse stream.
        inside = (
            'room=$(mktemp -d) && trap \'rm -rf "$room"\' EXIT && mkdir "$room/tree" && '
            'tar -C "$room/tree" --exclude="./dev/*" -xf - && '
            + shlex.join([*disk, "-d"])
            + f' "$room/tree" "$room/disk" {size} >&2 && '
            'tar -C "$room" -cSf - disk ./tree/boot ./tree/var/lib/dpkg/status'
        )
        way = shlex.join(["mmdebstrap", "--unshare-helper", "sh", "-c", inside])
        _run(["sh", "-c", f"{way} <tree.tar | tar -xSf - --no-same-owner"], draft)
        where.unlink()
        tree = draft / "tree"
    kernel = next(iter(sorted((tree / "boot").glob("vmlinuz-*"))))
    shutil.copyfile(kernel, draft / "vmlinuz")
    (draft / "vmlinuz").chmod(0o644)
    made = Image(
        name=recipe.name,
        digest=recipe.digest(architecture),
        architecture=architecture,
        kernel=kernel.name.removeprefix("vmlinuz-"),
        engine=version("docker.io", (tree / "var/lib/dpkg/status").read_text(errors="replace")),
        built=int(time.time()),
        path=draft,
    )
    if not root:
        shutil.rmtree(tree)
    (draft / "disk").chmod(0o644)
    (draft / "log").unlink(missing_ok=True)
    made = replace(made, bytes=_allocated(draft))
    (draft / "image.json").write_text(json.dumps({**asdict(made), "path": ""}, indent=2) + "\n")


def version(package: str, status: str) -> str:
    """Return the upstream version of a package in dpkg's status file, empty where it is not installed."""
    for entry in status.split("\n\n"):
        told = dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line and line[0] != " ")
        if told.get("Package") == package:
            return told["Version"].partition(":")[2 if ":" in told["Version"] else 0].split("+")[0].split("-")[0]
    return ""


def _allocated(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def _run(command: Sequence[str], draft: Path) -> None:
    """Run a step of a build, which ends with this process; raises MachineLacks with its last words where it fails."""
    log = draft / "log"
    environment = {"PATH": search_path(), "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/"), "INITRD": "No"}
    kept = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy") or name == "TMPDIR"}
    with log.open("wb") as out:
        done = subprocess.run(
            [*(_ENDING_ROOT if os.geteuid() == 0 else _ENDING_USER), *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=False,
            env={**kept, **environment},
            cwd=draft,
        )
    if done.returncode != 0:
        tail = "; ".join(log.read_text(errors="replace").strip().splitlines()[-4:])
        raise MachineLacks(f"{command[0]}: {tail or f'exit status {done.returncode}'}")


def users(image: Image) -> list[str]:
    """Return the labs of this user that have hosts on an image."""
    records = {name: state.read(LabPaths.of(name)) for name in state.known_labs(state_home())}
    return [name for name, known in records.items() if known and str(image.path) in known.images.values()]


def remove(image: Image) -> None:
    """Remove an image; raises InvalidInput where hosts of a lab are on it, LabError where it would not go."""
    using = users(image)
    if using:
        raise InvalidInput(f"image {image.path.name} has hosts of {', '.join(using)} on it", hint="lab down first")
    with _one_at_a_time(image_home()):
        gone = image.path.with_name(f"{_DRAFT}{os.getpid()}-{start_time(os.getpid())}")
        image.path.rename(gone)
        remove_tree(gone)
        _sweep(image_home())
    if gone.exists():
        raise LabError(f"still there: {gone}")
    if not any(image_home().iterdir()):
        image_home().rmdir()


def remove_tree(folder: Path) -> None:
    """Remove a tree, if it is there, and nothing that is mounted in it."""
    if folder.is_dir():
        shutil.rmtree(folder)
