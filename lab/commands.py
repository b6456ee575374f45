"""What the commands do, in terms of playbooks and engines. They return results; nothing here prints."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab import runner
from lab.errors import InvalidInput, MachineLacks
from lab.hosts import lock, ssh, state
from lab.hosts.base import LabPaths, state_home
from lab.hosts.providers import EMBEDDED, PROVIDERS, REMOTE
from lab.hosts.recipes import RECIPES, recipe
from lab.inventory import check_file
from lab.project import Project
from lab.reading import page
from lab.recording import Recording
from lab.results import RunResult
from lab.runner import Event, Playbook
from lab.stages import Stage
from lab.stepping import Answer, Question


@dataclass(frozen=True)
class Options:
    """What every command that runs a playbook understands."""

    lab: str
    inventory: str = ""
    verbosity: int = 0
    check: bool = False
    diff: bool = False
    wait_s: float = 0.0
    explain: bool = False
    answer: Callable[[Question], Answer] | None = None


Show = Callable[[Event], None]


def run(
    project: Project,
    noun: str,
    options: Options,
    variables: Mapping[str, Any],
    show: Show,
    *,
    claims_of: Mapping[str, Sequence[str]] | None = None,
) -> RunResult:
    """Run the playbook of a command on the lab's inventory; raises LabError where it cannot even begin.

    ``claims_of`` has the claims that each stage should judge.
    """
    paths = LabPaths.of(options.lab)
    inventory = _inventory(project, paths, options)
    require_rights(recorded_provider(paths) if noun == "down" else _provider(paths, inventory))
    if noun in lock.CHANGING and options.wait_s == 0 and not options.check:
        lock.require_free(paths)
    playbook = Playbook(
        noun=noun,
        inventory=inventory,
        variables={**variables, **({"lab_explain": True} if options.explain else {})},
        check=options.check,
        diff=options.diff,
        verbosity=options.verbosity,
        wait_s=options.wait_s,
    )
    recording = Recording(options.lab, f"lab {noun}", claims_of or {})

    def take(event: Event) -> None:
        recording.add(event)
        show(event)

    return recording.result(runner.run(project, paths, playbook, take, options.answer))


def judged(stages: Sequence[Stage], *, keep: bool) -> dict[str, list[str]]:
    """Return the claims that walks through the stages judge; what is kept cannot show that it goes."""
    return {stage.name: [claim.id for claim in stage.claims if not (keep and claim.at_the_end)] for stage in stages}


def images_variables(source: str) -> dict[str, str]:
    """Return the variables for a choice of images: debian, hub, or a directory, made absolute."""
    if not source:
        return {}
    if source in {"debian", "hub"}:
        return {"lab_images_source": source}
    return {"lab_images_source": str(Path(source).absolute())}


def image_names(names: Sequence[str]) -> list[str]:
    """Return the names of host images that are asked for, each once; raises InvalidInput on an unknown one."""
    if list(names) == ["all"]:
        return list(RECIPES)
    return list(dict.fromkeys(recipe(name).name for name in names))


def down(project: Project, options: Options, variables: Mapping[str, Any], show: Show) -> RunResult | None:
    """Remove a lab, whatever became of its inventory; None where there was nothing to remove."""
    paths = LabPaths.of(options.lab)
    require_rights(recorded_provider(paths))
    if state.read(paths) is None and not _left_by_a_killed_run(paths, options.wait_s):
        return None
    known = state.read(paths)
    inventory = known.inventory if known is not None and known.provider == "ssh" else str(project.default_inventory)
    return run(project, "down", replace(options, inventory=inventory), variables, show)


def _left_by_a_killed_run(paths: LabPaths, wait_s: float) -> bool:
    """End what a run that was killed before it made anything has left; tell whether there is a lab after all."""
    held = lock.acquire(paths, "lab down", wait_s=wait_s)
    try:
        if state.read(paths) is not None:
            return True
        runner.sweep(paths)
        runner.remove_empty_directories(paths)
        return False
    finally:
        held.release()


def _inventory(project: Project, paths: LabPaths, options: Options) -> Path:
    """Return the inventory file asked for, else the one with which the lab was brought up, else the default."""
    known = state.read(paths) if os.access(paths.state.parent, os.R_OK) else None
    if options.inventory:
        path = project.inventory(options.inventory)
    elif known is not None and known.inventory:
        path = Path(known.inventory)
    else:
        path = project.default_inventory
    check_file(path)
    return path


def require_rights(provider: str = EMBEDDED) -> None:
    """Raise MachineLacks where this user cannot keep a lab's state, or make its hosts: embedded ones are root's."""
    home = state_home()
    folder = next(parent for parent in (home, *home.parents) if parent.exists())
    if provider == EMBEDDED and os.geteuid() != 0:
        raise MachineLacks("a lab on this machine is made of namespaces, which only root can make", hint="use sudo")
    if not os.access(folder, os.W_OK):
        raise MachineLacks(f"{folder} cannot be written to", hint="use sudo, or name another place in LAB_STATE_DIR")


def recorded_provider(paths: LabPaths) -> str:
    """Return the provider of a lab that is up; that of embedded hosts where it is not, or is not to be read."""
    known = state.read(paths) if os.access(paths.state.parent, os.R_OK) else None
    return known.provider if known is not None else EMBEDDED


def _provider(paths: LabPaths, inventory: Path) -> str:
    """Return the provider that an inventory file names for all its hosts, else that of the lab's record."""
    content = page(inventory) if inventory.is_file() and inventory.suffix in {".yml", ".yaml"} else {}
    named = ((content.get("all") or {}).get("vars") or {}).get("lab_provider")
    return str(named) if named else recorded_provider(paths)


def shell(lab: str, host: str, argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the program that opens a shell on a host, or runs a command there, and its environment."""
    paths = LabPaths.of(lab)
    name = recorded_provider(paths)
    require_rights(name)
    return PROVIDERS[name].program(paths, host, argv), PROVIDERS[name].environment()


def docker(lab: str, host: str, argv: Sequence[str]) -> list[str]:
    """Return the docker command on a host's engine: this machine's, or that of a host reached by SSH."""
    paths = LabPaths.of(lab)
    provider = recorded_provider(paths)
    if provider in REMOTE:
        rights = ["sudo", "-n"] if provider == "ssh" and ssh.route(paths, host).dial else []
        return PROVIDERS[provider].program(paths, host, [*rights, "docker", *argv])
    program = shutil.which("docker")
    if program is None:
        raise MachineLacks("there is no docker command", hint="./labctl up installs it")
    return [program, "--host", engine_address(lab, host), *argv]


def engine_address(lab: str, host: str) -> str:
    """Return DOCKER_HOST for a host's engine; raises InvalidInput where the lab has no such host, or no such address.

    The engine of a host reached by SSH has none: its socket is forwarded while a run lasts, and no longer.
    """
    paths = LabPaths.of(lab)
    require_rights(recorded_provider(paths))
    known = state.read(paths)
    if known is None:
        labs = state.known_labs(state_home())
        raise InvalidInput(f"lab '{lab}' is not up", hint=f"labs: {', '.join(labs)}" if labs else "lab up")
    if host not in known.hosts:
        raise InvalidInput(f"lab '{lab}' has no host '{host}'", hint=f"hosts: {', '.join(known.hosts)}")
    if known.routes:
        raise InvalidInput(
            "its engine is reached by SSH, and has no address that lasts", host=host, hint=f"lab docker {host} -- ps"
        )
    return f"unix://{paths.engine_socket(host)}"
