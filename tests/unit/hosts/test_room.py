"""Room on this machine: what there is is enough for nothing, and too little for more than there can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import MachineLacks
from lab.hosts import room


def test_disk_is_looked_at_in_the_nearest_directory_that_is_there(tmp_path: Path):
    room.require_disk(tmp_path / "not" / "there", 0, "for nothing", "LAB_STATE_DIR")
    with pytest.raises(MachineLacks, match=f"MiB free below {tmp_path}, 1099511627776 MiB needed for all") as raised:
        room.require_disk(tmp_path / "not" / "there", 1 << 40, "for all", "LAB_STATE_DIR")
    assert raised.value.hint == "free some space, or name another place in LAB_STATE_DIR"


def test_memory():
    room.require_memory(0, "for nothing", "")
    with pytest.raises(MachineLacks, match=r"\d+ MiB of memory are free, 1099511627776 MiB needed for all"):
        room.require_memory(1 << 40, "for all", "fewer hosts")
