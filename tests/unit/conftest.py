"""What the unit tests share: the places of a lab that exists nowhere but below a temporary directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.hosts.base import LabPaths


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabPaths:
    """Return the paths of the lab ``unit``; nothing of it exists yet."""
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path / "run"))
    return LabPaths.of("unit")
