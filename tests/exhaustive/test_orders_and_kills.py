"""What takes long: the stages in every order of two, and each killed at five moments."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from lab.project import project
from lab.stages import stages
from tests.integration.command import Cli
from tests.integration.stages import QUICK, Users, expected, kill_and_run_again, things
from tests.integration.test_lifecycle import kill_and_clean_up

NAMES = [stage.name for stage in stages(project())]
TYPICAL_S = {"default-overlay": 18, "user-defined-overlay": 7, "standalone-containers": 8, "container-and-service": 9}
"""About how long a walk takes here, the start of the command included: the moments are spread over that."""


def every_order_of_two(names: list[str]) -> list[str]:
    """Return a sequence in which each ordered pair of names, equal ones too, stands side by side exactly once."""
    left = {(one, other) for one in names for other in names}
    walk, path = [names[0]], []
    while walk:
        following = [other for one, other in sorted(left) if one == walk[-1]]
        if following:
            left.remove((walk[-1], following[0]))
            walk.append(following[0])
        else:
            path.append(walk.pop())
    return path[::-1]


def test_the_sequence_has_every_order_of_two():
    sequence = every_order_of_two(NAMES)
    pairs = list(pairwise(sequence))
    assert sorted(pairs) == sorted((one, other) for one in NAMES for other in NAMES)


def test_the_stages_hold_in_every_order_of_two(lab: Cli, inventory):
    hosts = str(inventory(["manager"], ["worker-1", "worker-2"], **QUICK))
    before = things(lab)
    sequence = every_order_of_two(NAMES)
    result = lab.json("stage", "run", *sequence, "-i", hosts, timeout=1200)
    assert [stage["name"] for stage in result["stages"]] == sequence
    wanted = expected(lab, NAMES)
    for claim in result["claims"]:
        assert claim["verdict"] == wanted[claim["id"]], claim
    assert [stage["unjudged"] for stage in result["stages"]] == [[]] * len(sequence)
    assert things(lab) == before


@pytest.mark.parametrize("name", sorted(TYPICAL_S))
def test_a_stage_killed_at_five_moments_runs_again(lab: Cli, inventory, users: Users, name: str):
    hosts = str(inventory(["manager"], ["worker-1", "worker-2"], **QUICK))
    before, moments = users.seen(), random.Random()
    for _ in range(5):
        kill_and_run_again(lab, name, moments.uniform(1.0, TYPICAL_S[name]), hosts)
        assert users.seen() == before


def test_down_cleans_up_after_a_kill_of_up_at_ten_random_moments(fresh: Cli):
    kill_and_clean_up(fresh, 10)
