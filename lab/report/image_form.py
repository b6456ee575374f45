"""The host images, as a table or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from lab.hosts import images
from lab.hosts.images import Image
from lab.hosts.recipes import RECIPES
from lab.report.terminal import consoles, show_rows

SCHEMA = 1


def show(found: Sequence[Image], *, as_json: bool) -> None:
    """Print the images that there are, then the recipes that none was made by."""
    if as_json:
        entries = [
            {**asdict(image), "path": str(image.path), "current": image.current, "labs": images.users(image)}
            for image in found
        ]
        sys.stdout.write(json.dumps({"schema": SCHEMA, "images": entries}, indent=2) + "\n")
        return
    rows = [
        (
            image.name,
            image.digest if image.current else f"{image.digest} (of an older recipe)",
            image.engine or "none",
            image.kernel,
            str(image.bytes >> 20),
            datetime.fromtimestamp(image.built).strftime("%Y-%m-%d %H:%M"),
            ", ".join(images.users(image)),
        )
        for image in found
    ]
    made = {image.name for image in found if image.current}
    rows += [(name, "not made", "", "", "", "", "") for name in RECIPES if name not in made]
    show_rows(consoles()[0], ("IMAGE", "DIGEST", "ENGINE", "KERNEL", "MiB", "MADE", "LABS"), rows)


def show_made(image: Image, took_s: float) -> None:
    """Print what an image brings, and how long it took; 0 seconds where it was there already."""
    how = f"made in {took_s:.0f} s" if took_s else "is there already"
    engine = f"engine {image.engine}" if image.engine else "no engine"
    console, _ = consoles()
    console.print(f"{image.name}: {how} ({engine}, kernel {image.kernel}, {image.bytes >> 20} MiB)", highlight=False)
