"""What changes an engine, four times: a check, the real run, a repeat, and a check of the repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab.engine.change import Change


def _foreseen(plan: Any, outcome: Any) -> bool:
    """Tell whether an outcome is what was planned; an empty word leaves the choice to the engine."""
    if isinstance(plan, Mapping):
        return plan.keys() == outcome.keys() and all(_foreseen(plan[key], outcome[key]) for key in plan)
    return plan in ("", outcome)


def four_runs(act: Callable[..., Change], look: Callable[[], object], command: str) -> Change:
    """Check, run, repeat and check again; ``look`` tells what is really there. Return the real run's change."""
    start = look()
    planned = act(check=True)
    assert look() == start, "a check changed something"
    done = act(check=False)
    settled = look()
    assert settled != start
    assert (planned.changed, done.changed) == (True, True)
    assert (planned.before, planned.actions) == (done.before, done.actions)
    assert done.actions
    assert _foreseen(planned.after, done.after)
    assert (planned.command, done.command) == (command, command)
    for check in (False, True):
        again = act(check=check)
        assert not again.changed
        assert _foreseen(done.after, again.before)
    assert look() == settled, "a repeat changed something"
    return done
