"""Whether this machine can make virtual machines of an image: probed, not assumed."""

from __future__ import annotations

import os

from lab.errors import LabError
from lab.hosts import images, qemu, recipes


def lacking(image: str) -> str:
    """Return why tests cannot have machines of an image here, empty where they can."""
    if os.geteuid() != 0:
        return "needs root: namespaces with an image's root are compared with virtual machines"
    try:
        qemu.system(recipes.architecture())
        if images.find(image) is None:
            images.check()
    except LabError as error:
        return str(error)
    return ""
