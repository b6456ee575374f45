"""Control groups: the machine's hierarchies, and a real group with a real process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.hosts import cgroups
from lab.hosts.cgroups import Hierarchy, group, hierarchies

V2 = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
26 25 0:23 / /sys/fs/cgroup rw,nosuid,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
27 22 0:24 / /var/lib/cgroup rw - tmpfs cgroup rw
"""
V1 = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 25 0:26 / /sys/fs/cgroup ro,nosuid shared:8 - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd
32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:10 - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /sys/fs/cgroup/cpuset rw,relatime shared:11 - cgroup cgroup rw,cpuset,clone_children
34 30 0:30 / /sys/fs/cgroup/memory rw,relatime shared:12 - cgroup none rw,memory
"""
HYBRID = (
    V1
    + """\
35 30 0:31 / /sys/fs/cgroup/unified rw,relatime shared:13 master:1 propagate_from:2 - cgroup2 cgroup rw,nsdelegate
"""
)
ON_V1 = {
    "/sys/fs/cgroup/systemd": "name=systemd",
    "/sys/fs/cgroup/cpu,cpuacct": "cpu,cpuacct",
    "/sys/fs/cgroup/cpuset": "cpuset",
    "/sys/fs/cgroup/memory": "memory",
}


def test_a_v2_machine_has_one_hierarchy():
    assert hierarchies(V2) == [Hierarchy(Path("/sys/fs/cgroup"), "cgroup2")]


def test_a_v1_machine_has_one_for_each_set_of_controllers():
    found = hierarchies(V1)
    assert {str(one.mount): one.options for one in found} == ON_V1
    assert {one.kind for one in found} == {"cgroup"}


def test_a_hybrid_machine_has_both():
    found = hierarchies(HYBRID)
    assert {str(one.mount): one.options for one in found if one.kind == "cgroup"} == ON_V1
    assert [one for one in found if one.kind == "cgroup2"] == [Hierarchy(Path("/sys/fs/cgroup/unified"), "cgroup2")]


def test_a_hierarchy_that_is_mounted_over_counts_once():
    assert len(hierarchies(V2 + V2)) == 1


def test_a_machine_without_control_groups_has_none():
    assert hierarchies("22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n") == []


def test_a_lab_and_each_of_its_hosts_has_a_group_below_ours():
    (one,) = hierarchies(V2)
    assert group(one, "unit") == Path("/sys/fs/cgroup/swarm-lab/unit")
    assert group(one, "unit", "manager") == Path("/sys/fs/cgroup/swarm-lab/unit/manager")


def writable() -> str:
    """Return why this machine has no group to try with; empty where it has."""
    if os.geteuid() != 0:
        return "control groups are root's; this user is not root"
    found = hierarchies()
    if not found:
        return "no control groups are mounted here"
    return "" if all(os.access(one.mount, os.W_OK) for one in found) else "control groups are read-only here"


LAB = f"unit-{os.getpid()}"
needs_groups = pytest.mark.skipif(bool(writable()), reason=writable() or "writable")


@pytest.fixture
def inhabitant() -> Iterator[subprocess.Popen]:
    """Return a real process in the real group of a host."""
    cgroups.make(LAB, "manager")
    entries = [str(path) for path in cgroups.entries(LAB, "manager")]
    script = 'for group in "$@"; do echo 0 >"$group"; done; echo in; exec sleep 60'
    with subprocess.Popen(["sh", "-ec", script, "sh", *entries], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in\n"
        yield process
        process.kill()
    cgroups.remove(LAB, 5)


@needs_groups
def test_the_kernel_knows_which_processes_a_host_has(inhabitant: subprocess.Popen):
    assert cgroups.processes(LAB, "manager") == {inhabitant.pid}
    assert cgroups.processes(LAB) == {inhabitant.pid}
    assert cgroups.processes(LAB, "worker-1") == set()


@needs_groups
def test_a_host_that_has_processes_has_memory_where_it_is_counted(inhabitant: subprocess.Popen):
    assert inhabitant.poll() is None
    counted = any("memory" in one.options.split(",") for one in hierarchies())
    assert (cgroups.memory(LAB, "manager") > 0) or not counted


@needs_groups
def test_a_group_in_use_stays_and_is_named(inhabitant: subprocess.Popen):
    left = cgroups.remove(LAB, 0)
    assert inhabitant.poll() is None
    assert left
    assert all(f"/{cgroups.ROOT}/{LAB}" in path for path in left)
    assert cgroups.exists(LAB)


@needs_groups
def test_killing_a_host_ends_its_processes_and_its_groups_go(inhabitant: subprocess.Popen):
    assert cgroups.kill(LAB, "manager", deadline_s=5) == set()
    assert inhabitant.wait(5) == -9
    assert cgroups.remove(LAB, 5) == []
    assert not cgroups.exists(LAB)


@needs_groups
def test_removing_what_is_not_there_is_no_error():
    assert cgroups.remove(f"{LAB}-none", 0) == []
    assert cgroups.kill(f"{LAB}-none", deadline_s=0) == set()
