"""The command ``lab``: arguments and exit codes. The work is done elsewhere, and imported when it is needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab import __version__
from lab.errors import EXIT_INTERRUPTED, LabError
from lab.hosts.base import DEFAULT_LAB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from lab.commands import Options
    from lab.report.files import Files
    from lab.results import RunResult
    from lab.stages import Stage
    from lab.texts import Catalogue

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
image_app = typer.Typer(
    help="Host images: a Debian suite's root with an engine and a kernel.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(image_app, name="image")
report_app = typer.Typer(
    help="What runs found out, from their results files.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(report_app, name="report")

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
Stages = Annotated[list[str], typer.Argument(help="Stages, in this order; all for every one.", metavar="NAME...")]
Images = Annotated[list[str], typer.Argument(help="Images; all for every one.", metavar="NAME...")]
Lang = Annotated[str, typer.Option("--lang", help="Language of the texts; by default that of the locale.")]
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
    uplink: Annotated[
        bool, typer.Option("--uplink", help="Give the hosts a route outwards through this machine; down takes it back.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take hosts that the inventory has no longer out of the swarm and the lab.")
    ] = False,
    json: Json = "",
    check: Check = False,
    diff: Diff = False,
    wait: Wait = 0.0,
    verbose: Verbose = 0,
) -> None:
    """Bring the lab up: hosts, engines, ports, swarm, overlay, and the ping matrix as proof."""
    options = _work().Options(lab, inventory, verbose, check, diff, wait)
    asked = {"lab_uplink": uplink, "lab_prune": prune}
    variables = {**_work().images_variables(images), **{name: True for name, wanted in asked.items() if wanted}}
    _playbook("up", options, variables, _plain(json))


@app.command()
def down(
    lab: Lab = DEFAULT_LAB,
    force: Annotated[
        bool, typer.Option("--force", help="Also where services or networks of yours go with the swarm.")
    ] = False,
    json: Json = "",
    check: Check = False,
    wait: Wait = 0.0,
    verbose: Verbose = 0,
) -> None:
    """Take the lab down and prove that nothing is left of it; hosts of yours are given back."""
    options = _work().Options(lab, verbosity=verbose, wait_s=wait, check=check)
    _playbook("down", options, {"swarm_force": True} if force else {}, _plain(json))


@app.command()
def verify(lab: Lab = DEFAULT_LAB, inventory: Inventory = "", json: Json = "", verbose: Verbose = 0) -> None:
    """Check the claims of create-swarm and the ping matrix; changes nothing."""
    _playbook("verify", _work().Options(lab, inventory, verbose), {}, _plain(json, claims=True))


@app.command()
def status(
    lab: Lab = DEFAULT_LAB,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show hosts, engines, swarm, networks, services and containers."""
    from lab import status as looking
    from lab.hosts.base import LabPaths
    from lab.report import status_form

    paths = LabPaths.of(lab)
    _work().require_rights(_work().recorded_provider(paths))
    status_form.show(looking.of(paths), as_json=json)


@app.command(context_settings={"allow_interspersed_args": False})
def shell(host: Host, command: Rest = None, lab: Lab = DEFAULT_LAB) -> None:
    """Open a shell on a host, or run a command there: lab shell manager -- ip addr."""
    _replace(*_work().shell(lab, host, _words_after(command)))


@app.command(context_settings={"allow_interspersed_args": False})
def docker(host: Host, arguments: Rest = None, lab: Lab = DEFAULT_LAB) -> None:
    """Run the docker command on a host's engine: lab docker manager -- node ls."""
    _replace(_work().docker(lab, host, _words_after(arguments)), dict(os.environ))


@app.command()
def env(host: Host, lab: Lab = DEFAULT_LAB) -> None:
    """Print DOCKER_HOST for a host's engine: eval "$(lab env manager)"."""
    typer.echo(f"export DOCKER_HOST={_work().engine_address(lab, host)}")


@stage_app.command("list")
def stage_list(
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    lang: Lang = "",
) -> None:
    """List the stages, what they need, their steps and their claims."""
    from lab.project import project
    from lab.report import stage_form
    from lab.stages import stages

    stage_form.show(stages(project()), as_json=json, words=_words(lang))


@stage_app.command("run")
def stage_run(
    names: Stages,
    lab: Lab = DEFAULT_LAB,
    inventory: Inventory = "",
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show each docker command before its step, and its output after."),
    ] = False,
    step: Annotated[
        bool, typer.Option("--step", help="Stop before each step, and tell what it is and why; for learners.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave up what the stage makes.")] = False,
    lang: Lang = "",
    json: Json = "",
    junit: Annotated[str, typer.Option(metavar="FILE", help="Write the claims as JUnit XML into FILE.")] = "",
    transcript: Annotated[
        str, typer.Option(metavar="FILE", help="Write all steps and claims as Markdown into FILE.")
    ] = "",
    check: Check = False,
    diff: Diff = False,
    wait: Wait = 0.0,
    verbose: Verbose = 0,
) -> None:
    """Walk through stages and check their claims; can be run again at any time."""
    from lab.project import project
    from lab.report.files import Files
    from lab.stages import chosen, require_one_to_keep

    found, words = chosen(project(), names), _words(lang)
    if keep:
        require_one_to_keep(found)
    if step:
        from lab.report import learner

        learner.require_terminal()
    options = _work().Options(lab, inventory, verbose, check, diff, wait, explain)
    variables = {"stage": [stage.name for stage in found], "stage_keep": keep}
    show = _Show(Files(json, junit, transcript), words, claims=not explain and not step, step=step, stages=found)
    _playbook("stage", options, variables, show)


@stage_app.command("clean")
def stage_clean(
    names: Stages,
    lab: Lab = DEFAULT_LAB,
    inventory: Inventory = "",
    json: Json = "",
    check: Check = False,
    wait: Wait = 0.0,
    verbose: Verbose = 0,
) -> None:
    """Remove what stages left behind."""
    from lab.project import project
    from lab.stages import chosen

    variables = {"stage": [stage.name for stage in chosen(project(), names)], "stage_state": "absent"}
    _playbook("stage", _work().Options(lab, inventory, verbose, check, wait_s=wait), variables, _plain(json))


@image_app.command("build")
def image_build(
    names: Images,
    source: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Of Debian's packages; by default those that apt is configured with.")
    ] = "",
) -> None:
    """Make host images out of Debian's packages, each once; hosts have them by lab_host_root in the inventory."""
    import time

    from lab.hosts import images
    from lab.report import image_form

    for name in _work().image_names(names):
        before, known = time.monotonic(), images.find(name)
        image_form.show_made(images.build(name, source), 0.0 if known else time.monotonic() - before)


@image_app.command("list")
def image_list(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List the host images, what they bring, and which labs have hosts on them."""
    from lab.hosts import images
    from lab.report import image_form

    image_form.show(images.listed(), as_json=json)


@image_app.command("remove")
def image_remove(names: Images) -> None:
    """Remove host images, also those of older recipes; not while a lab has hosts on them."""
    from lab.hosts import images

    wanted = _work().image_names(names)
    for image in [one for one in images.listed() if one.name in wanted]:
        images.remove(image)
        typer.echo(f"removed {image.path.name}")


@report_app.command("compare")
def report_compare(
    files: Annotated[list[str], typer.Argument(help="Results files, as --json FILE writes them.", metavar="FILE...")],
    differences: Annotated[bool, typer.Option("--differences", help="Only claims on which the runs differ.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show the claims of several runs side by side: on namespaces, virtual machines, other engines."""
    from pathlib import Path

    from lab import comparison
    from lab.report import comparison_form

    compared = comparison.compare([Path(file) for file in files])
    comparison_form.show(compared, as_json=json, only_differences=differences)


@dataclass(frozen=True)
class _Show:
    """How a run is shown: its files, the language, whether its claims are listed, and whether it stops at each step."""

    files: Files
    words: Catalogue
    claims: bool = False
    step: bool = False
    stages: Sequence[Stage] = ()


def _words(lang: str = "") -> Catalogue:
    """Return the texts in the language asked for, or in that of the locale."""
    from lab import texts

    return texts.catalogue(texts.choose(lang, os.environ))


def _plain(json: str, *, claims: bool = False) -> _Show:
    """Return how the runs of other commands than stages are shown."""
    from lab.report.files import Files

    return _Show(Files(json), _words(), claims=claims)


def _playbook(noun: str, options: Options, variables: Mapping[str, object], show: _Show) -> None:
    """Run a playbook with its progress on the terminal, show what it amounts to, and exit with its code."""
    from lab.project import project
    from lab.report import terminal

    show.files.require_places()
    output, errors = terminal.consoles()
    console = errors if show.files.to_output else output
    work = _work()
    progress = _progress(console, options, show)
    if show.step:
        options = replace(options, answer=progress.answer)
    try:
        if noun == "down":
            result: RunResult | None = work.down(project(), options, variables, progress.show)
        else:
            judged = work.judged(show.stages, keep=bool(variables.get("stage_keep"))) if not options.check else {}
            result = work.run(project(), noun, options, variables, progress.show, claims_of=judged)
    finally:
        progress.close()
    if result is None:
        console.print(f"lab '{options.lab}' is not up: nothing to remove")
        return
    if show.claims:
        terminal.show_claims(console, result.claims, show.words)
    if result.stages:
        terminal.show_stages(console, result.stages, show.words)
    terminal.show_result(console, result)
    for problem in result.problems:
        terminal.show_problem(errors, problem)
    show.files.write(result, show.words)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _progress(console: Console, options: Options, show: _Show) -> Any:
    """Return what shows a run while it goes on: line by line, or step by step for a learner."""
    from lab.report import terminal

    if not show.step:
        return terminal.Progress(console, explain=options.explain, verbose=options.verbosity > 0)
    from lab.report.learner import Learner

    steps = {stage.name: stage.steps for stage in show.stages}
    return Learner(console, show.words, steps, lambda host: _shell_beside(options.lab, host))


def _shell_beside(lab: str, host: str) -> None:
    """Open a shell on a host, and come back when it ends.

    The shell takes the terminal for its own group of processes, and cannot give it back out of the host's namespace.
    """
    argv, environment = _work().shell(lab, host, [])
    subprocess.run(argv, env=environment, check=False)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})


def _words_after(rest: list[str] | None) -> list[str]:
    """Return the words of a command line for another program, without the -- that may stand before them."""
    return rest[1:] if rest and rest[0] == "--" else rest or []


def _replace(argv: list[str], environment: dict[str, str]) -> None:
    """Become another program: its terminal, signals and exit status are the user's own."""
    sys.stdout.flush()
    os.execvpe(argv[0], argv, environment)


def main() -> None:
    """Run the command; every LabError becomes one line and its exit code."""
    try:
        app()
    except LabError as error:
        typer.echo("\n".join([f"error: {error}", *(f"  {problem}" for problem in error.problems)]), err=True)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if any(word.startswith("-v") or word == "--verbose" for word in sys.argv):
            raise
        typer.echo(f"error: {type(error).__name__}: {error} (a fault of this program: -v shows where)", err=True)
        sys.exit(1)
