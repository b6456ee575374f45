"""Every stage on namespaces with engine 20.10, with 26.1, and with one of each: the same verdicts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.comparison import compare
from tests.integration.command import Cli, verdicts
from tests.integration.stages import HOSTS, QUICK, expected

MIXES: Mapping[str, Mapping[str, str]] = {
    "bookworm": dict.fromkeys(HOSTS, "bookworm"),
    "trixie": dict.fromkeys(HOSTS, "trixie"),
    "mixed": {"manager": "trixie", "worker-1": "bookworm", "worker-2": "trixie"},
}
ENGINES = {"bookworm": "20.10", "trixie": "26.1"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("engines")
    return {name: folder / f"{name}.json" for name in MIXES}


@pytest.mark.parametrize("mix", MIXES)
def test_every_stage(mix: str, results: Mapping[str, Path], tmp_path: Path):
    roots = {host: {"lab_host_root": root} for host, root in MIXES[mix].items()}
    own = {"lab_provider": "netns", "ansible_connection": "lab.swarm.netns", **QUICK}
    workers = {host: roots[host] for host in HOSTS[1:]}
    groups = {"managers": {"hosts": {HOSTS[0]: roots[HOSTS[0]]}}, "workers": {"hosts": workers}}
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"vars": own, "children": groups}}))
    lab = Cli(f"test-{mix}")
    lab.run("down")
    try:
        up = lab.run("up", "-i", str(inventory), timeout=600)
        assert up.code == 0, up.text
        told = json.loads(lab.run("status", "--json").out)["hosts"]
        assert {host["name"]: ".".join(host["engine"].split(".")[:2]) for host in told} == {
            host: ENGINES[root] for host, root in MIXES[mix].items()
        }
        run = lab.run("stage", "run", "all", "--json", str(results[mix]), timeout=600)
        assert run.code == 0, run.text
        names = [stage["name"] for stage in json.loads(results[mix].read_text())["stages"]]
        assert verdicts(json.loads(results[mix].read_text())) == expected(lab, names)
    finally:
        down = lab.run("down")
    assert down.code == 0, down.text


def test_the_three_runs_do_not_differ(results: Mapping[str, Path]):
    done = Cli("test-mixed").run("report", "compare", *map(str, results.values()))
    assert done.code == 0, done.text
    assert " 0 differ" in done.out
    compared = compare(list(results.values()))
    assert list(compared.runs) == list(MIXES)
    assert [engines[:5] for engines in compared.engines[:2]] == ["20.10", "26.1."]
    assert "20.10" in compared.engines[2]
    assert "26.1" in compared.engines[2]
    assert len(compared.rows) > 50
