"""Make the host images that hosts have their root from."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.hosts import images


class ActionModule(LabAction):
    """Each image once; those that are there already are used as they are."""

    noun = "host_image"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Make what is missing, and return what each image brings."""
        missing = [name for name in arguments["names"] if images.find(name) is None]
        if missing:
            images.check()
        if self.check_mode:
            made = [image for name in arguments["names"] if (image := images.find(name))]
        else:
            made = [images.build(name, arguments["source"]) for name in arguments["names"]]
        return {
            "changed": bool(missing),
            "actions": [f"make host image {name}" for name in missing],
            "output": "\n".join(
                f"{image.name}: engine {image.engine or 'none'}, kernel {image.kernel}" for image in made
            ),
            "roots": {image.name: str(image.path) for image in made},
        }
