"""The command ``lab``: arguments and exit codes. The work is done elsewhere, and imported when it is needed."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from lab import __version__
from lab.errors import EXIT_INTERRUPTED, InvalidInput, LabError
from lab.hosts.base import DEFAULT_LAB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.results import RunResult

app = typer.Typer(
    name="lab",
    help="Docker hosts, a swarm and its overlay networks in seconds, proven claim by claim.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
stage_app = typer.Typer(help="The tutorial's stages.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(stage_app, name="stage")

Lab = Annotated[str, typer.Option("--lab", help="Name of the lab; several can be up at once.", envvar="LAB_NAME")]
Inventory = Annotated[
    str,
    typer.Option(
        "--inventory",
        "-i",
        help="Inventory file; by default what the lab is up with, or three embedded hosts.",
    ),
]
Json = Annotated[
    str,
    typer.Option("--json", metavar="FILE", help="Write the result as JSON into FILE, or - for the standard output."),
]
Verbose = Annotated[
    int, typer.Option("--verbose", "-v", count=True, help="Show what Ansible says; more of it with -vvv.")
]
Wait = Annotated[
    float,
    typer.Option("--wait", metavar="SECONDS", help="Wait that long for another run that holds the lab."),
]
Check = Annotated[bool, typer.Option("--check", help="Change nothing, say what would change.")]
Diff = Annotated[bool, typer.Option("--diff", help="Show differences.")]
Host = Annotated[str, typer.Argument(help="Host of the lab.")]
Rest = Annotated[list[str] | None, typer.Argument(help="What to run there, after --.")]


def _work() -> ModuleType:
    """Import what does the work: `lab --help` must not pay for it."""
    from lab import commands

    return commands


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lab {__version__}")
        raise typer.Exit


@app.callback()
def lab(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Docker hosts, a swarm and its overlay networks in seconds, proven claim by claim."""
    del version


@app.command()
def up(
    lab: Lab = DEFAULT_LAB,
    inventory: Inventory = "",
    images: Annotated[
        str, typer.Option(help="debian (made on the spot), hub (pulled), or a directory of archives.")
    ] = "",
    json: Json = "",
    check: Check = False,
    diff: Diff = False,
    wait: Wait = 0.0,
    verbose: Verbose = 0,
) -> None:
    """Bring the lab up: hosts, engines, ports, swarm, overlay, and the ping matrix as proof."""
    options = _work().Options(lab, inventory, verbose, check, diff, wait)
    _playbook("up", options, _work().images_variables(images), json)


@app.command()
def down(lab: Lab = DEFAULT_LAB, json: Json = "", check: Check = False, wait: Wait = 0.0, verbose: Verbose = 0) -> None:
    """Take the lab down and prove that nothing is left of it."""
    _playbook("down", _work().Options(lab, verbosity=verbose, wait_s=wait, check=check), {}, json)


@app.command()
def verify(lab: Lab = DEFAULT_LAB, inventory: Inventory = "", json: Json = "", verbose: Verbose = 0) -> None:
    """Check the claims of create-swarm and the ping matrix; changes nothing."""
    _playbook("verify", _work().Options(lab, inventory, verbose), {}, json, claims=True)


@app.command()
def status(
    lab: Lab = DEFAULT_LAB,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show hosts, engines, swarm, networks, services and containers."""
    from lab import status as looking
    from lab.hosts.base import LabPaths
    from lab.report import status_form

    _work().require_rights()
    status_form.show(looking.of(LabPaths.of(lab)), as_json=json)


@app.command(context_settings={"allow_interspersed_args": False})
def shell(host: Host, command: Rest = None, lab: Lab = DEFAULT_LAB) -> None:
    """Open a shell on a host, or run a command there: lab shell manager -- ip addr."""
    from lab.hosts.netns import host_environment

    _replace(_work().shell(lab, host, command or []), host_environment())


@app.command(context_settings={"allow_interspersed_args": False})
def docker(host: Host, arguments: Rest = None, lab: Lab = DEFAULT_LAB) -> None:
    """Run the docker command on a host's engine: lab docker manager -- node ls."""
    _replace(_work().docker(lab, host, arguments or []), dict(os.environ))


@app.command()
def env(host: Host, lab: Lab = DEFAULT_LAB) -> None:
    """Print DOCKER_HOST for a host's engine: eval "$(lab env manager)"."""
    typer.echo(f"export DOCKER_HOST={_work().engine_address(lab, host)}")


@stage_app.command("list")
def stage_list(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List the stages, what they need, their steps and their claims."""
    from lab.project import project
    from lab.report import stage_form
    from lab.stages import stages

    stage_form.show(stages(project()), as_json=json)


@stage_app.command("run")
def stage_run(
    name: Annotated[str, typer.Argument(help="Stage to run.")],
    lab: Lab = DEFAULT_LAB,
    inventory: Inventory = "",
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show each docker command before its step, and its output after."),
    ] = False,
    json: Json = "",
    check: Check = False,
    diff: Diff = False,
    wait: Wait = 0.0,
    verbose: Verbose = 0,
) -> None:
    """Walk through a stage and check its claims; can be run again at any time."""
    _stage(name, "present", _work().Options(lab, inventory, verbose, check, diff, wait, explain), json)


@stage_app.command("clean")
def stage_clean(
    name: Annotated[str, typer.Argument(help="Stage to clean up after.")],
    lab: Lab = DEFAULT_LAB,
    inventory: Inventory = "",
    json: Json = "",
    check: Check = False,
    wait: Wait = 0.0,
    verbose: Verbose = 0,
) -> None:
    """Remove what a stage left behind."""
    _stage(name, "absent", _work().Options(lab, inventory, verbose, check, wait_s=wait), json)


def _stage(name: str, state: str, options: object, json: str) -> None:
    from lab.project import project
    from lab.stages import stage

    stage(project(), name)
    _playbook("stage", options, {"stage": name, "stage_state": state}, json, claims=state == "present")


def _playbook(noun: str, options: object, variables: Mapping[str, object], json: str, *, claims: bool = False) -> None:
    """Run a playbook with its progress on the terminal, show what it amounts to, and exit with its code."""
    from lab.project import project
    from lab.report import json_form, terminal

    output, errors = terminal.consoles()
    console = errors if json == "-" else output
    progress = terminal.Progress(
        console, explain=getattr(options, "explain", False), verbose=getattr(options, "verbosity", 0) > 0
    )
    work = _work()
    try:
        if noun == "down":
            result: RunResult | None = work.down(project(), options, progress.show)
        else:
            result = work.run(project(), noun, options, variables, progress.show)
    finally:
        progress.close()
    if result is None:
        console.print(f"lab '{getattr(options, 'lab', '')}' is not up: nothing to remove")
        return
    if claims and not getattr(options, "explain", False):
        terminal.show_claims(console, result.claims)
    terminal.show_result(console, result)
    for problem in result.problems:
        terminal.show_problem(errors, problem)
    if json:
        json_form.write(result, json)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _replace(argv: list[str], environment: dict[str, str]) -> None:
    """Become another program: its terminal, signals and exit status are the user's own."""
    sys.stdout.flush()
    os.execvpe(argv[0], argv, environment)


def main() -> None:
    """Run the command; every LabError becomes one line and its exit code."""
    try:
        app()
    except LabError as error:
        problems = error.problems if isinstance(error, InvalidInput) else ()
        typer.echo("\n".join([f"error: {error}", *(f"  {problem}" for problem in problems)]), err=True)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if any(word.startswith("-v") or word == "--verbose" for word in sys.argv):
            raise
        typer.echo(f"error: {type(error).__name__}: {error} (a fault of this program: -v shows where)", err=True)
        sys.exit(1)
