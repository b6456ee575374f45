"""Starting an engine's daemon on a host, as a shell script for the host's connection; and what it tells of itself."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.engine.client import Engine, reported

LOG = "/var/log/dockerd.log"
LOG_LINES_SHOWN = 5


@dataclass(frozen=True)
class EngineFacts:
    """What an engine says of itself (``GET /info`` and ``GET /version``)."""

    name: str
    engine_id: str
    version: str
    kernel: str
    storage_driver: str
    cgroup_driver: str
    live_restore: bool


def facts(engine: Engine) -> EngineFacts:
    """Return what the engine says of itself."""
    with reported("engine information"):
        info, version = engine.info(), engine.version()
    return EngineFacts(
        name=info["Name"],
        engine_id=info["ID"],
        version=version["Version"],
        kernel=info["KernelVersion"],
        storage_driver=info["Driver"],
        cgroup_driver=info.get("CgroupDriver", ""),
        live_restore=info.get("LiveRestoreEnabled", False),
    )


def start_script(config: Mapping[str, Any], deadline_s: int) -> str:
    """Return a shell script that starts dockerd with ``config`` as its daemon.json and waits for its socket.

    The script is silent where all went well; where dockerd ended or never listened it prints the last lines
    of the daemon's log and exits with 1, or with 127 where there is no dockerd.
    """
    text = shlex.quote(json.dumps(dict(config), indent=2, sort_keys=True))
    return f"""
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
command -v dockerd >/dev/null || {{ echo "dockerd is not installed"; exit 127; }}
mkdir -p /etc/docker
printf '%s\\n' {text} >/etc/docker/daemon.json
rm -f /run/docker.pid /run/docker.sock
setsid dockerd --host unix:///run/docker.sock </dev/null >{LOG} 2>&1 &
daemon=$!
polls=0
while ! [ -S /run/docker.sock ]; do
	polls=$((polls + 1))
	if ! kill -0 $daemon 2>/dev/null || [ $polls -gt {deadline_s * 50} ]; then
		kill $daemon 2>/dev/null
		tail -n {LOG_LINES_SHOWN} {LOG}
		exit 1
	fi
	sleep 0.02
done
"""


def log_script() -> str:
    """Return a shell script that prints the last lines of the daemon's log."""
    return f"tail -n {LOG_LINES_SHOWN} {LOG}"
