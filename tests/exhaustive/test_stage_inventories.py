"""The stages' roles on other swarms than the default one, and in playbooks of somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.engine import swarm
from tests.integration.command import Cli, playbook

PLAY = """\
---
- name: A playbook of the user's own
  hosts: managers:workers
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - name: Show a service
      ansible.builtin.include_role:
        name: stage_user_defined_overlay
    - name: Verify | Every claim holds
      lab.swarm.verdict:
      run_once: true
"""


@pytest.fixture
def three(inventory) -> Iterator[tuple[Cli, Path]]:
    """A lab of two managers and a worker, under names of their own."""
    cli = Cli("test-three")
    cli.run("down")
    try:
        path = inventory(["alpha", "beta"], ["gamma"])
        done = cli.run("up", "-i", str(path))
        assert done.code == 0, done.text
        yield cli, path
    finally:
        assert cli.run("down").code == 0


def test_the_roles_serve_any_swarm_in_any_playbook(three: tuple[Cli, Path], tmp_path: Path):
    lab, path = three
    assert sorted(node.role for node in swarm.nodes(lab.engine("beta"))) == ["manager", "manager", "worker"]
    (tmp_path / "own.yml").write_text(PLAY)
    done = playbook(lab, "-i", str(path), str(tmp_path / "own.yml"))
    assert done.code == 0, done.text
