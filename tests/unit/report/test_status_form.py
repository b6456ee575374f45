"""A lab's status on the terminal."""

from __future__ import annotations

import json

import pytest

from lab.report import status_form
from lab.status import HostStatus, LabStatus

MANAGER = HostStatus(
    "manager",
    "198.18.0.11",
    running=True,
    memory=123 << 20,
    processor_s=45.6,
    engine="20.10.24",
    role="manager",
    swarm="active",
    networks=[{"name": "my-net", "scope": "swarm"}, {"name": "bridge", "scope": "local"}],
    containers=[{"name": "alpine1", "state": "running"}],
    services=[{"name": "my-nginx", "replicas": 5}],
)


def shown(*hosts: HostStatus, as_json: bool = False) -> LabStatus:
    status = LabStatus("unit", True, "netns.yml", "198.18.0.0/24", list(hosts))
    status_form.show(status, as_json=as_json)
    return status


def test_a_lab_without_hosts_is_not_up(capsys: pytest.CaptureFixture[str]):
    shown()
    assert capsys.readouterr().out == "lab 'unit' is not up\n"


def test_a_host_is_one_row(capsys: pytest.CaptureFixture[str]):
    shown(MANAGER)
    rows = capsys.readouterr().out.splitlines()
    (row,) = [line.split() for line in rows if line.startswith("manager")]
    assert row == ["manager", "198.18.0.11", "20.10.24", "manager", "active", "123", "46", "alpine1", "(running)"]
    assert "overlays: my-net" in rows
    assert "services: my-nginx (5)" in rows


@pytest.mark.parametrize("problem", ["does not run", "connect [unix:/run/docker.sock]", "refused [/x]"])
def test_the_problem_of_a_host_is_shown_to_the_letter(problem: str, capsys: pytest.CaptureFixture[str]):
    shown(HostStatus("worker-1", "198.18.0.12", running=True, problem=problem))
    assert problem in " ".join(capsys.readouterr().out.split())


def test_the_json_is_the_status(capsys: pytest.CaptureFixture[str]):
    status = shown(MANAGER, as_json=True)
    assert json.loads(capsys.readouterr().out) == status.to_json()
