"""A lab's status, as tables or as JSON."""

from __future__ import annotations

import json
import sys

from rich.markup import escape

from lab.report.terminal import consoles, show_rows
from lab.status import LabStatus


def show(status: LabStatus, *, as_json: bool) -> None:
    """Print a lab's status."""
    if as_json:
        sys.stdout.write(json.dumps(status.to_json(), indent=2) + "\n")
        return
    console, _ = consoles()
    if not status.hosts:
        console.print(f"lab '{status.lab}' is not up")
        return
    rows = [
        (
            host.name,
            host.address,
            host.engine,
            host.role,
            host.swarm or host.problem,
            str(host.memory >> 20) if host.memory else "-",
            f"{host.processor_s:.0f}" if host.processor_s else "-",
            ", ".join(f"{container['name']} ({container['state']})" for container in host.containers),
        )
        for host in status.hosts
    ]
    show_rows(console, ("HOST", "ADDRESS", "ENGINE", "ROLE", "SWARM", "MiB", "CPU s", "CONTAINERS"), rows)
    networks = sorted({n["name"] for host in status.hosts for n in host.networks if n["scope"] == "swarm"})
    services = [f"{service['name']} ({service['replicas']})" for host in status.hosts for service in host.services]
    console.print(f"uplink: {'yes' if status.uplink else 'no'}")
    console.print(escape(f"overlays: {', '.join(networks) or 'none'}"))
    console.print(escape(f"services: {', '.join(dict.fromkeys(services)) or 'none'}"))
