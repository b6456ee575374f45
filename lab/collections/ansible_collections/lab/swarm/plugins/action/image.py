"""Bring an image into an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import EngineAction

from lab.engine import image
from lab.engine.change import Change
from lab.engine.client import Engine
from lab.engine.debian_images import SOURCE_LABEL
from lab.errors import InvalidInput


class ActionModule(EngineAction):
    """From an archive, or from the registry that its name names."""

    noun = "image"

    def change(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        """Load or pull, or remove what was made."""
        if arguments["state"] == "absent":
            return image.ensure_absent(engine, SOURCE_LABEL, check=check)
        if arguments["archive"]:
            archive = Path(arguments["archive"])
            return image.ensure_loaded(engine, archive, arguments["wanted"], label=arguments["label"], check=check)
        if not arguments["name"]:
            raise InvalidInput("an image needs a name to pull, or an archive to load")
        return image.ensure_pulled(engine, arguments["name"], check=check)
