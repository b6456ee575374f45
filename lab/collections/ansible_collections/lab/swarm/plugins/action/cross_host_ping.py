"""Ping the containers on other hosts, by name, and count the packets on the wire."""

from __future__ import annotations

from typing import Any

from ansible_collections.lab.swarm.plugins.plugin_utils.claims import claims_result
from ansible_collections.lab.swarm.plugins.plugin_utils.lab_action import LabAction
from ansible_collections.lab.swarm.plugins.plugin_utils.wire import Wire

from lab import sampling
from lab.engine import container, cross_host_ping
from lab.results import Check, judge


class ActionModule(LabAction):
    """One source, its peers: loss, round trip, and the VXLAN packets that left for and came from each peer."""

    noun = "cross_host_ping"

    def perform(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Ping; a pair passes with no loss and with its packets seen as VXLAN both ways."""
        prefix, addresses, port = arguments["prefix"], arguments["addresses"], arguments["data_path_port"]
        peers = sampling.peers(self.host, list(addresses), arguments["full_up_to"])
        names = [prefix + peer for peer in peers]
        if self.check_mode and container.inspect(self.engine(), prefix + self.host) is None:
            return {"changed": False, "skipped": True, "msg": "the containers are yet to be made"}
        with Wire(self.command, port) as wire:
            found, waited = cross_host_ping.ping(self.engine(), prefix + self.host, names, arguments["deadline"])
        rows = []
        for peer, ping in zip(peers, found, strict=True):
            rows.append(
                {
                    "source": self.host,
                    "target": peer,
                    "address": ping.address,
                    "sent": ping.sent,
                    "received": ping.received,
                    "rtt_ms": ping.rtt_ms,
                    **wire.moved(addresses[peer]),
                    "error": ping.error,
                }
            )
        claims = [self._judge(row, waited, counted=wire.counted) for row in rows]
        return {**claims_result(claims, self.variables), "pings": rows, "host": self.host, "waited": waited}

    def _judge(self, row: dict[str, Any], waited: float, *, counted: bool) -> Check:
        count = cross_host_ping.COUNT
        seen = {"received": row["received"], "of": row["sent"]}
        expected: dict[str, Any] = {"received": count, "of": count}
        if counted:
            expected["as_vxlan"] = True
            seen["as_vxlan"] = min(row["vxlan_out"], row["vxlan_in"]) >= count
        return judge(
            f"cross-host-ping.{row['source']}.{row['target']}",
            f"{row['source']} reaches {row['target']} over the overlay, by name",
            expected=expected,
            observed=seen,
            host=self.host,
            waited_s=waited,
            evidence={key: row[key] for key in ("address", "rtt_ms", "vxlan_out", "vxlan_in", "error")},
        )
