"""A manager that the inventory takes for a worker: the claims about who manages notice it."""

from __future__ import annotations

from pathlib import Path

from tests.exhaustive.test_stage_inventories import three  # noqa: F401
from tests.integration.command import Cli, verdicts


def _failed(result: dict) -> set[str]:
    return {claim for claim, verdict in verdicts(result).items() if verdict == "fail"}


def test_a_manager_that_is_said_to_be_a_worker_is_noticed(three: tuple[Cli, Path], inventory):  # noqa: F811
    lab, _ = three
    variables = {"stage_default_overlay_replicas": 1, "stage_default_overlay_removal": 6}
    wrong = str(inventory(["alpha"], ["beta", "gamma"], **variables))
    # It creates the service, and knows every overlay from the first.
    noticed = {"manager-only", "no-network-before", "nothing-left"}
    result = lab.json("stage", "run", "default-overlay", "-i", wrong, code=1)
    assert _failed(result) == {f"default-overlay.{claim}" for claim in noticed}
    # It does not refuse, and its port of managers is not knocked at from outside.
    noticed = {"roles", "manager-only", "ports-closed-outside"}
    assert _failed(lab.json("verify", "-i", wrong, code=1)) == {f"create-swarm.{claim}" for claim in noticed}
