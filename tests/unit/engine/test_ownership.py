"""Whose a thing is, by its labels."""

from __future__ import annotations

import pytest

from lab.engine.ownership import OWNER_LABEL, STAGE_LABEL, complaint, filters, labels, remedy, require_own
from lab.errors import InvalidInput

OURS = {OWNER_LABEL: "unit"}
OF_STAGE = {OWNER_LABEL: "unit", STAGE_LABEL: "overlay"}
FOREIGN = [None, {}, {OWNER_LABEL: "other"}, {OWNER_LABEL: ""}, {STAGE_LABEL: "overlay"}]


@pytest.mark.parametrize(("stage", "found"), [("", OURS), ("overlay", OF_STAGE)])
def test_a_thing_bears_its_lab_and_its_stage_if_it_is_of_one(stage: str, found: dict[str, str]):
    assert labels("unit", stage) == found
    assert filters("unit", stage) == {"label": [f"{key}={value}" for key, value in found.items()]}


@pytest.mark.parametrize(
    ("found", "stage"),
    [(OURS, ""), (OURS, "overlay"), (OF_STAGE, "overlay"), (OF_STAGE, ""), ({**OURS, "other": "label"}, "")],
)
def test_what_is_the_labs_and_of_no_other_stage_is_ours(found: dict[str, str], stage: str):
    assert complaint(found, "network", "my-net", "unit", stage) == ""
    require_own(found, "network", "my-net", "unit", stage)


@pytest.mark.parametrize("found", FOREIGN)
@pytest.mark.parametrize("stage", ["", "overlay"])
def test_what_is_not_the_labs_is_somebody_elses(found: dict[str, str] | None, stage: str):
    with pytest.raises(InvalidInput, match=r"^a network 'my-net' exists that is not this lab's") as raised:
        require_own(found, "network", "my-net", "unit", stage)
    assert raised.value.hint == remedy(found, "unit") == "rename or remove it; nothing was changed"


def test_what_another_stage_keeps_can_be_cleaned():
    with pytest.raises(InvalidInput, match=r"^a service 'web' exists that stage overlay keeps") as raised:
        require_own(OF_STAGE, "service", "web", "unit", "containers")
    assert raised.value.hint == "lab stage clean overlay"


def test_another_labs_stage_is_nothing_that_this_lab_can_clean():
    assert remedy({OWNER_LABEL: "other", STAGE_LABEL: "overlay"}, "unit") == remedy({}, "unit")
