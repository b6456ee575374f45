"""Skips, with the reason, where no virtual machine can be made."""

from __future__ import annotations

import pytest

from tests.vm.probe import lacking

BARE = "bookworm-bare"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = lacking(BARE)
    for item in items:
        if reason and "fresh_machine" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=reason))
