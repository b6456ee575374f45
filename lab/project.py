"""Where the playbooks, roles and inventories are: in the checkout, or inside the installed package."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Project:
    """The directory with ansible.cfg, inventory/, playbooks/ and roles/, and that of the collection."""

    root: Path
    collections: Path

    @property
    def config(self) -> Path:
        """Ansible's configuration file."""
        return self.root / "ansible.cfg"

    @property
    def roles(self) -> Path:
        """The roles."""
        return self.root / "roles"

    @property
    def default_inventory(self) -> Path:
        """The embedded lab of three hosts."""
        return self.root / "inventory" / "netns.yml"

    def playbook(self, noun: str) -> Path:
        """Return the playbook of a command."""
        return self.root / "playbooks" / f"{noun}.yml"

    def inventory(self, name: str) -> Path:
        """Return the inventory file that ``-i NAME`` means: a path, or the name of one that comes with us."""
        ours = self.root / "inventory" / f"{name}.yml"
        return ours if "/" not in name and not Path(name).exists() and ours.is_file() else Path(name)


@cache
def project() -> Project:
    """Return the project's places: beside this package in a checkout, inside it when installed."""
    package = Path(__file__).parent
    inside = package / "project"
    return Project(inside if inside.is_dir() else package.parent, package / "collections")
