"""What every action plugin of this collection has in common: arguments, errors, and the form of a result."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import yaml
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.lab.swarm.plugins.plugin_utils.looking import side_by_side

from lab import stepping
from lab.engine.change import Change
from lab.engine.client import Engine, connect
from lab.errors import HostUnreachable, LabError
from lab.hosts import link
from lab.hosts.base import DEFAULT_LAB, LabPaths
from lab.results import COMMAND_MARK
from lab.stages import VERIFY, stage_of_role
from lab.stepping import Question, Quit, Rewind

display = Display()


class LabAction(ActionBase):
    """An action whose arguments are those that its documentation lists."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    TRANSFERS_FILES = False
    noun: ClassVar[str]
    changes: ClassVar[bool] = False
    """Whether the action would change something on a host that is yet to be made."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate, perform, and turn a LabError into a failed result that keeps its code."""
        del tmp
        result: dict[str, Any] = super().run(task_vars=task_vars)
        _, arguments = self.validate_argument_spec(argument_spec=argument_spec(self.noun))
        self.variables: dict[str, Any] = task_vars or {}
        self._stepped = False
        try:
            done = self.perform(plain(arguments))
            return {**result, **done, **({"lab_stepped": True} if self._stepped else {})}
        except Rewind:
            return {**result, "changed": False, "skipped": True, "lab_rewind": True}
        except Quit as quit_:
            return {**result, **failure(quit_, self.host), "lab_quit": True}
        except (LabError, AnsibleConnectionFailure) as error:
            if self.check_mode and isinstance(error, HostUnreachable | AnsibleConnectionFailure):
                return {**result, **self.untold(error)}
            if isinstance(error, AnsibleConnectionFailure):
                raise
            return {**result, **failure(error, self.host)}

    def untold(self, error: Exception) -> dict[str, Any]:
        """Return what check mode can say of a host that is not there yet: whether it would be changed."""
        return {"changed": self.changes, "skipped": not self.changes, "msg": f"cannot be told yet: {error}"}

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do what the task asks for and return its result."""
        raise NotImplementedError

    @property
    def host(self) -> str:
        """The host that the task is about: the one it is delegated to, or the play's."""
        return str(self._task.delegate_to or self.variables["inventory_hostname"])

    @property
    def paths(self) -> LabPaths:
        """Where the things of this lab lie."""
        return LabPaths.of(str(self._templar.template(self.variables.get("lab_name", DEFAULT_LAB))))

    @property
    def check_mode(self) -> bool:
        """Whether nothing may be changed."""
        return bool(self._task.check_mode)

    @property
    def stage(self) -> str:
        """The stage whose role, or a role that it imports, the task belongs to; empty outside the stages."""
        role = getattr(self._task, "_role", None)
        roles = [role, *role.get_parents()] if role else []
        return next((stage for one in roles if (stage := stage_of_role(one.get_name()))), "")

    @property
    def members(self) -> list[str]:
        """The lab's hosts: managers, then workers."""
        groups = self.variables["groups"]
        members: list[str] = plain([*groups.get("managers", ()), *groups.get("workers", ())])
        return members

    def engine(self, host: str = "") -> Engine:
        """Return a client of a host's engine; by default of the task's own host."""
        link.revive(self.paths, host or self.host)
        return connect(self.paths.engine_socket(host or self.host))

    def command(self, script: str) -> tuple[int, str, str]:
        """Run a shell script on the task's host as its root, over its connection; return status, output, errors."""
        if self._connection.become is not None:
            done = self._low_level_execute_command(script)
            return done["rc"], done["stdout"].replace("\r\n", "\n"), done["stderr"]  # a terminal of ssh's adds them
        self._connection._connect()
        status, output, errors = self._connection.exec_command(script)
        return status, output.decode(errors="replace"), errors.decode(errors="replace")

    @property
    def tells(self) -> bool:
        """Whether docker commands are shown before they run."""
        return bool(self._option("lab_explain") or self._option(stepping.VARIABLE))

    def announce(self, command: str, hosts: Sequence[str] = ()) -> None:
        """Show the docker command that is about to run (on ``hosts``), where the user asked to see them."""
        if not command or not self.tells:
            return
        title = str(self._task.get_name().rpartition(" : ")[2])
        socket = self._option(stepping.VARIABLE)
        for host in hosts or (self.host,):
            display.display(f"{COMMAND_MARK}{host} {command}")
        if socket and not title.startswith(VERIFY):
            question = Question(self._task._uuid, self.stage, title, command, list(hosts) or [self.host])
            stepping.ask(plain(socket), question)
            self._stepped = True

    def _option(self, name: str) -> Any:
        return self._templar.template(self.variables.get(name, ""))


class EngineAction(LabAction):
    """An action that makes one change in one engine, or the same in several side by side."""

    changes = True

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Tell the command before it runs, if asked to; make the change; return it."""
        hosts = self.hosts(arguments) or [self.host]
        if self.tells:
            self.announce(self.change(self.engine(hosts[0]), arguments, check=True).command, hosts)
        made = side_by_side(hosts, lambda host: self.change(self.engine(host), arguments, check=self.check_mode))
        change = made[hosts[0]] if len(hosts) == 1 else together(made)
        return {**change_result(change), "host": ", ".join(hosts)}

    def hosts(self, arguments: dict[str, Any]) -> list[str]:
        """Return the hosts on which to make the change; none for the task's own."""
        del arguments
        return []

    def change(self, engine: Engine, arguments: dict[str, Any], *, check: bool) -> Change:
        """Make the change, or with ``check`` only say what it would be."""
        raise NotImplementedError


def together(changes: Mapping[str, Change]) -> Change:
    """Return the changes on several hosts as one: before and after by host."""
    return Change(
        before={host: dict(change.before) for host, change in changes.items()},
        after={host: dict(change.after) for host, change in changes.items()},
        command=next(iter(changes.values())).command,
        actions=tuple(f"{host}: {action}" for host, change in changes.items() for action in change.actions),
        output="\n".join(f"{host}: {change.output}" for host, change in changes.items() if change.output),
    )


def change_result(change: Change) -> dict[str, Any]:
    """Return a change as a task result: what ``--diff`` shows, the command, the actions in words."""
    result: dict[str, Any] = {
        "changed": change.changed,
        "before": dict(change.before),
        "after": dict(change.after),
        "command": change.command,
        "output": change.output,
        "actions": list(change.actions) if change.changed else [],
    }
    if change.changed:
        result["diff"] = {"before": _text(change.before), "after": _text(change.after)}
    return result


def plain(arguments: Any) -> Any:
    """Return arguments as Python's own types: Ansible's strings remember where they come from, and YAML minds."""
    return json.loads(json.dumps(arguments, default=str))


def _text(state: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(state), sort_keys=True) if state else ""


def failure(error: LabError, host: str) -> dict[str, Any]:
    """Return a LabError as a failed task result."""
    problems = list(error.problems)
    return {
        "failed": True,
        "msg": "; ".join([str(error), *problems]),
        "lab_error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "host": error.host or host,
            "problems": problems,
        },
    }


def argument_spec(noun: str) -> dict[str, Any]:
    """Return a plugin's argument specification: the options of its documentation, less their descriptions."""
    module = importlib.import_module(f"ansible_collections.lab.swarm.plugins.modules.{noun}")
    options = yaml.safe_load(module.DOCUMENTATION).get("options", {})
    return {name: {key: option[key] for key in option if key != "description"} for name, option in options.items()}
