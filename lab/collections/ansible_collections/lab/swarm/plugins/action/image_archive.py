"""Make the tutorial's images from this machine's Debian packages, or look at archives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.engine import archive, debian_images
from lab.errors import InvalidInput


class ActionModule(LabAction):
    """What is made lies in the lab's state until the lab goes; so does the choice of the source."""

    noun = "image_archive"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return what to bring to each engine, and the names of the images that stand for the tutorial's."""
        source = arguments["source"] or self._chosen()
        if arguments["state"] == "checked":
            return self._checked(source, arguments)
        if arguments["state"] == "found":
            result: dict[str, Any] = {"changed": False, "archives": [], "label": "", "made_of": self._made_of(source)}
        elif source == "debian":
            result = self._made()
        elif source == "hub":
            names = (arguments["alpine"], arguments["nginx"])
            result = {
                "changed": False,
                "archives": [{"name": name} for name in names],
                "label": "",
                "made_of": "registry",
            }
        else:
            result = self._found(Path(source), arguments)
        alpine, nginx = arguments["alpine"], arguments["nginx"]
        if source == "debian":
            alpine, nginx = debian_images.SHELL_TAG, debian_images.WEB_TAG
        images = {"source": source, "alpine": alpine, "nginx": nginx, "made_of": result["made_of"]}
        if not self.check_mode and arguments["state"] != "found":
            self._choice.write_text(json.dumps(images))
        return {**result, "images": images, "ansible_facts": {"lab_images": images}}

    def _made_of(self, source: str) -> str:
        """Return what the lab's images were made of when they were brought."""
        return str(json.loads(self._choice.read_text())["made_of"]) if self._choice.is_file() else source

    def _checked(self, source: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Raise what is wrong with a source before anything is made for it."""
        if source == "debian":
            return {"changed": False, "made_of": debian_images.source()}
        return {"changed": False} if source == "hub" else self._found(Path(source), arguments)

    @property
    def _choice(self) -> Path:
        return self.paths.state / "images.json"

    def _chosen(self) -> str:
        """Return what the lab was brought up with, debian where it is new."""
        return str(json.loads(self._choice.read_text())["source"]) if self._choice.is_file() else "debian"

    def _made(self) -> dict[str, Any]:
        made_of = debian_images.source()
        path = self.paths.state / "images.tar"
        stamp = self.paths.state / "images.source"
        stale = not path.is_file() or not stamp.is_file() or stamp.read_text() != made_of
        if stale and not self.check_mode:
            archive.write(path, debian_images.make(), debian_images.architecture())
            stamp.write_text(made_of)
        wanted = dict.fromkeys((debian_images.SHELL_TAG, debian_images.WEB_TAG), made_of)
        return {
            "changed": stale,
            "archives": [{"path": str(path), "wanted": wanted}],
            "label": debian_images.SOURCE_LABEL,
            "made_of": made_of,
        }

    def _found(self, folder: Path, arguments: dict[str, Any]) -> dict[str, Any]:
        found = archive.in_directory(folder)
        inside = {tag for tags in found.values() for tag in tags}
        missing = sorted({arguments["alpine"], arguments["nginx"]} - inside)
        if missing:
            have = ", ".join(sorted(inside)) or "no tag"
            raise InvalidInput(f"the archives in {folder} lack {', '.join(missing)}", hint=f"they have {have}")
        archives = [{"path": str(path), "wanted": dict.fromkeys(tags, "")} for path, tags in found.items()]
        return {"changed": False, "archives": archives, "label": "", "made_of": f"archives in {folder}"}
