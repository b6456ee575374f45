"""The status of a lab of which nothing runs."""

from __future__ import annotations

from lab import status
from lab.hosts import state
from lab.hosts.base import HostSpec, LabPaths, LabSpec


def test_a_lab_that_was_never_brought_up_has_no_hosts(paths: LabPaths):
    seen = status.of(paths)
    assert (seen.lab, seen.up, seen.hosts) == ("unit", False, [])


def test_hosts_that_do_not_run_are_told_with_the_reason(paths: LabPaths):
    hosts = (HostSpec("manager", "198.18.0.11"), HostSpec("worker-1", "198.18.0.12"))
    state.write(paths, state.intended(LabSpec("unit", "198.18.0.0/24", hosts, "lab.yml"), "netns", None))
    seen = status.of(paths)
    assert (seen.up, seen.inventory, seen.segment) == (False, "lab.yml", "198.18.0.0/24")
    assert [(host.name, host.running, host.problem) for host in seen.hosts] == [
        ("manager", False, "does not run"),
        ("worker-1", False, "does not run"),
    ]
