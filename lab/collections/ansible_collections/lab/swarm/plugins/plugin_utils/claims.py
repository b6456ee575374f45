"""Claims in task results: how a plugin returns them, and where the failed ones are remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lab.results import Check

FAILED = "lab_failed_claims"


def claims_result(checks: Sequence[Check], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return checks as a task result; the ids of failed ones join those that the play's host remembers.

    A failed claim does not fail its task, so that the rest of a stage is still checked and cleaned up;
    the C(verdict) action fails at the end.
    """
    result: dict[str, Any] = {"changed": False, "claims": [asdict(check) for check in checks]}
    failed = [
        f"{check.id}: expected {check.expected}, observed {check.observed}"
        for check in checks
        if check.verdict == "fail"
    ]
    if failed:
        result["ansible_facts"] = {FAILED: [*remembered(variables), *failed]}
    return result


def remembered(variables: Mapping[str, Any]) -> list[str]:
    """Return the failed claims that a host remembers."""
    return list((variables.get("ansible_facts") or {}).get(FAILED, []))
