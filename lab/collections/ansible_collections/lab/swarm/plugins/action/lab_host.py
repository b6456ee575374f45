"""Make, look at, or remove the hosts of a lab."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction

from lab.errors import HostUnreachable, LabError
from lab.hosts import state
from lab.hosts.base import HostChange, HostSpec, LabSpec, Route
from lab.hosts.providers import EMBEDDED, PROVIDERS, provider_of
from lab.hosts.state import LabState


class ActionModule(LabAction):
    """All hosts of a lab at once: they start side by side."""

    noun = "lab_host"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Bring the hosts to the state asked for."""
        if arguments["state"] == "absent":
            known = state.read(self.paths)
            kept = [host for host in arguments["except"] if known and host in known.hosts]
            if known and kept and not arguments["force"]:
                return self._forget(known, kept)
            return self._result(
                PROVIDERS[known.provider if known else EMBEDDED].destroy(self.paths, check=self.check_mode)
            )
        if arguments["state"] == "recorded":
            return self._recorded()
        provider = PROVIDERS[arguments["provider"]]
        routes: dict[str, Any] = arguments["routes"]
        hosts = tuple(
            HostSpec(
                name,
                address,
                route=Route.of(routes[name]) if name in routes else None,
                **arguments["machines"].get(name, {}),
            )
            for name, address in arguments["addresses"].items()
        )
        spec = LabSpec(
            self.paths.name,
            arguments["segment"],
            hosts,
            arguments["source"],
            tuple(arguments["programs"]),
            arguments["uplink"],
            tuple(arguments["name_servers"]),
        )
        if arguments["state"] == "running":
            return self._require_running(provider, spec)
        provider.check(self.paths, spec)
        if arguments["state"] == "checked":
            return {"changed": False}
        return self._result(provider.create(self.paths, spec, check=self.check_mode))

    def _result(self, change: HostChange) -> dict[str, Any]:
        if change.survivors:
            raise LabError(f"still there: {'; '.join(change.survivors)}", hint="lab down again, or remove by hand")
        return {
            "changed": change.changed,
            "actions": list(change.actions),
            "hosts": dict(change.after),
            "uplink": self._has_uplink(),
            "note": change.note,
            "diff": {"before": _lines(change.before), "after": _lines(change.after)},
        }

    def _forget(self, known: LabState, kept: list[str]) -> dict[str, Any]:
        """Forget all hosts but those that could not be given back: they stay in the lab's record, and are named."""
        for host in () if self.check_mode else set(known.hosts) - set(kept):
            provider_of(known).forget(self.paths, host)
        raise HostUnreachable(
            f"not given back: {', '.join(kept)} (out of reach, or no longer in {known.inventory})",
            hint="lab down again; --force forgets them",
        )

    def _recorded(self) -> dict[str, Any]:
        """Return what is recorded of the lab: its provider, its addresses, and which hosts SSH reaches."""
        known = state.read(self.paths)
        provider = known.provider if known else EMBEDDED
        addresses = dict(known.hosts) if known else {}
        return {
            "changed": False,
            "lab": self.paths.name,
            "provider": provider,
            "addresses": addresses,
            "remote": list(addresses) if provider == "ssh" else [],
        }

    def _require_running(self, provider: Any, spec: LabSpec) -> dict[str, Any]:
        running = {host.name: host.address for host in provider.hosts(self.paths) if host.running}
        missing = [host.name for host in spec.hosts if host.name not in running]
        if missing:
            whole = "is not up" if not running else f"is only half up: {', '.join(missing)} not running"
            raise HostUnreachable(f"lab '{spec.name}' {whole}", hint="lab up")
        hosts = {host.name: running[host.name] for host in spec.hosts}
        return {"changed": False, "hosts": hosts, "addresses": hosts, "uplink": self._has_uplink()}

    def _has_uplink(self) -> bool:
        known = state.read(self.paths)
        return known is not None and known.uplink is not None


def _lines(hosts: Any) -> str:
    return "".join(f"{name} {address}\n" for name, address in sorted(hosts.items()))
