"""The list of ways to get hosts. A new one is a module like ``netns``, and a line here."""

from __future__ import annotations

from lab.hosts import netns
from lab.hosts.base import Provider

PROVIDERS: dict[str, Provider] = {"netns": netns}
