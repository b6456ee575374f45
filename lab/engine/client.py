"""The connection to one engine, by the address of its socket, and its errors in our words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from lab.errors import HostUnreachable, LabError

Engine = docker.APIClient
TIMEOUT_S = 60
"""Longer than the 20 s after which an engine gives up a join."""

__all__ = [
    "APIError",
    "Engine",
    "ImageNotFound",
    "NotFound",
    "answers",
    "connect",
    "reported",
    "wait_until_up",
]


def connect(socket: Path, *, timeout_s: int = TIMEOUT_S) -> Engine:
    """Return a client of the engine behind ``socket``; raises HostUnreachable where none answers."""
    if not socket.exists():
        raise HostUnreachable("no engine is reachable", hint=f"{socket} is not there; lab up starts it")
    try:
        return docker.APIClient(base_url=f"unix://{socket}", version="auto", timeout=timeout_s)
    except (DockerException, requests.RequestException) as error:
        raise HostUnreachable(f"the engine does not answer: {_reason(error)}", hint=f"socket {socket}") from error


def answers(socket: Path, *, timeout_s: int = 5) -> bool:
    """Tell whether an engine answers ``GET /_ping`` behind ``socket``."""
    if not socket.exists():
        return False
    client = docker.APIClient(base_url=f"unix://{socket}", version="1.30", timeout=timeout_s)
    try:
        return bool(client.ping())
    except (DockerException, requests.RequestException):
        return False
    finally:
        client.close()


def wait_until_up(socket: Path, deadline_s: int) -> float:
    """Wait until an engine answers; return the seconds waited; raises HostUnreachable after ``deadline_s``."""
    start = time.monotonic()
    while not answers(socket, timeout_s=deadline_s):
        if time.monotonic() - start > deadline_s:
            raise HostUnreachable(f"the engine did not answer within {deadline_s:g} s")
        time.sleep(0.02)
    return time.monotonic() - start


@contextmanager
def reported(doing: str) -> Iterator[None]:
    """Turn an engine's error into a LabError that says what was being done; the engine's words are kept."""
    try:
        yield
    except APIError as error:
        raise LabError(f"{doing}: {_reason(error)}") from error
    except (DockerException, requests.RequestException) as error:
        raise HostUnreachable(f"{doing}: {_reason(error)}") from error


def _reason(error: Any) -> str:
    return str(getattr(error, "explanation", None) or error)
