"""What a test made in engines, and its removal; waiting for conditions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from lab.engine.client import APIError, Engine, NotFound

DEADLINE_S = 20.0
_REMOVALS: dict[str, Callable[[Engine, str], object]] = {
    "services": lambda engine, made: engine.remove_service(made),
    "containers": lambda engine, made: engine.remove_container(made, force=True, v=True),
    "networks": lambda engine, made: engine.remove_network(made),
    "tags": lambda engine, made: engine.remove_image(made),
}


def things(engine: Engine) -> dict[str, set[str]]:
    """Return the ids of an engine's services, containers and networks, and its tags."""
    return {
        "services": _services(engine),
        "containers": {found["Id"] for found in engine.containers(all=True)},
        "networks": {found["Id"] for found in engine.networks()},
        "tags": {tag for found in engine.images() for tag in found["RepoTags"] or ()},
    }


def _services(engine: Engine) -> set[str]:
    try:
        return {found["ID"] for found in engine.services()}
    except APIError:  # a worker knows none
        return set()


def persist(remove: Callable[[], object]) -> None:
    """Remove something that may be in use for another moment, or gone already."""
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            remove()
        except NotFound:
            return
        except APIError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def swept(*engines: Engine) -> Iterator[Engine]:
    """Yield the first engine, a manager if there are several; what is made in any is gone at the end."""
    before = [things(engine) for engine in engines]
    try:
        yield engines[0]
    finally:
        for kind, remove in _REMOVALS.items():
            for engine, there in zip(engines, before, strict=True):
                for made in things(engine)[kind] - there[kind]:
                    persist(lambda remove=remove, engine=engine, made=made: remove(engine, made))
        until(lambda: [things(engine) for engine in engines] == before)
