"""Every claim can fail: the groups of claims that the ordinary tests leave out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.integration.command import Cli
from tests.integration.sabotage import Mutation
from tests.integration.test_claims_can_fail import break_and_see, cases


@pytest.mark.parametrize("case", cases(ordinary=False))
def test_exactly_the_claims_that_are_broken_fail(
    lab: Cli, inventory, tmp_path: Path, case: tuple[str, Sequence[Mutation], dict]
):
    break_and_see(lab, inventory, tmp_path, case)
