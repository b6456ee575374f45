"""Up, up again, down, down again: the lab comes, stays, goes, and leaves the machine as it was."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.hosts import cgroups, state
from tests.integration import machine
from tests.integration.command import REPO, Cli, verdicts

HOSTS = ["manager", "worker-1", "worker-2"]


def test_up_again_changes_nothing_and_ends_with_the_nodes_and_the_matrix(lab: Cli):
    result = lab.json("up")
    assert result["changed"] == 0
    assert list(verdicts(result).values()) == ["pass"] * 6
    assert {node["hostname"]: node["role"] for node in result["nodes"]} == {
        "manager": "manager",
        "worker-1": "worker",
        "worker-2": "worker",
    }
    assert [node["hostname"] for node in result["nodes"] if node["leader"]] == ["manager"]
    pairs = {(ping["source"], ping["target"]) for ping in result["pings"]}
    assert pairs == {(one, other) for one in HOSTS for other in HOSTS if one != other}
    for ping in result["pings"]:
        assert ping["received"] == ping["sent"] == 2
        assert ping["vxlan_out"] >= 2
        assert ping["vxlan_in"] >= 2
    assert {"lab_host", "docker_engine", "swarm_ports", "lab_images", "swarm", "cross_host_ping"} <= set(
        result["parts"]
    )


def test_nodes_have_names_machine_ids_and_engine_ids_of_their_own(lab: Cli):
    for script in ("hostname", "cat /etc/machine-id", "cat /etc/hostname"):
        assert len({lab.on(host, script).out for host in HOSTS}) == 3
    assert len({lab.engine(host).info()["ID"] for host in HOSTS}) == 3
    assert Path("/etc/machine-id").read_text() not in {lab.on(host, "cat /etc/machine-id").out for host in HOSTS}


def test_a_host_sees_the_machines_programs_and_writes_into_its_own_files(lab: Cli):
    marker = "/etc/written-by-a-host"
    assert lab.on("worker-1", f"touch {marker} && test -e {marker}").code == 0
    assert not Path(marker).exists()
    assert lab.on("worker-2", f"test -e {marker}").code != 0
    assert lab.on("worker-1", f"rm {marker}").code == 0


def test_a_host_has_no_route_outwards(lab: Cli):
    assert "default" not in lab.on("manager", "ip route").out


def test_status_tells_hosts_engines_and_swarm(lab: Cli):
    done = lab.run("status")
    assert done.code == 0
    for host in HOSTS:
        assert host in done.out
    assert "cross-host-ping" in done.out


def test_status_of_a_lab_that_is_not_up(fresh: Cli):
    done = fresh.run("status")
    assert (done.code, done.out) == (0, "lab 'test-fresh' is not up\n")


def test_verify_checks_the_claims_and_changes_nothing(lab: Cli):
    result = lab.json("verify")
    assert result["changed"] == 0
    assert set(verdicts(result).values()) == {"pass"}
    assert {claim for claim in verdicts(result) if claim.startswith("create-swarm.")} == {
        "create-swarm.engine-version",
        "create-swarm.nodes-ready",
        "create-swarm.one-leader",
        "create-swarm.roles",
        "create-swarm.distinct-engines",
        "create-swarm.networks",
        "create-swarm.manager-only",
        "create-swarm.ports-open",
        "create-swarm.ports-closed-outside",
    }


def test_what_the_engines_make_forwards_whether_or_not_the_machine_does(lab: Cli):
    """The swarm's load balancers need it, and a new namespace has it from the machine's own."""
    told = {
        host: lab.on(host, "nsenter --net=/run/docker/netns/ingress_sbox cat /proc/sys/net/ipv4/ip_forward").out
        for host in HOSTS
    }
    own = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    assert told == dict.fromkeys(HOSTS, "1\n"), f"this machine's own: {own}"


def test_shell_runs_a_command_on_a_host_and_keeps_its_status(lab: Cli):
    assert lab.run("shell", "worker-2", "--", "hostname").out == "worker-2\n"
    assert lab.run("shell", "worker-2", "--", "sh", "-c", "exit 7").code == 7


def test_docker_is_the_docker_command_on_that_engine(lab: Cli):
    assert lab.run("docker", "worker-1", "--", "info", "-f", "{{.Name}}").out == "worker-1\n"


def test_env_prints_what_the_docker_command_needs(lab: Cli):
    done = lab.run("env", "worker-1")
    assert done.out.startswith("export DOCKER_HOST=unix:///")
    docker = subprocess.run(
        ["sh", "-c", f"{done.out.strip()}; docker info -f '{{{{.Name}}}}'"], capture_output=True, text=True, check=True
    )
    assert docker.stdout == "worker-1\n"


def test_down_leaves_the_machine_as_it_was_also_twice(fresh: Cli):
    before = machine.inventory()
    assert fresh.run("up").code == 0
    assert fresh.run("down").code == 0
    assert machine.differences(before, machine.inventory()) == {}
    again = fresh.run("down")
    assert (again.code, again.out) == (0, "lab 'test-fresh' is not up: nothing to remove\n")
    assert machine.differences(before, machine.inventory()) == {}


def test_the_inventory_of_the_machine_would_see_what_a_lab_leaves(lab: Cli):
    found = machine.inventory()
    assert any("dockerd" in process for process in found["processes"])
    assert any("swarm-lab" in group for group in found["control groups"])
    assert any(str(lab.paths.state_file) == path for path in found["files"])


def _victims(up: subprocess.Popen[str], lab: str) -> dict[str, list[int]]:
    """Return the parts of an `up` under way: the command, its whole run, and what lives in the lab's hosts."""
    run = [up.pid]
    for pid in run:
        for children in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = children.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid:
                run.append(int(children.parent.name))
    return {"command": run[:1], "run": run, "host": sorted(cgroups.processes(lab))}


def _kill_up(cli: Cli, dice: random.Random) -> str:
    """Start `up`, kill a random part of it at a random moment; return what was killed."""
    up = cli.start("up")
    deadline = time.monotonic() + dice.uniform(0.2, 4.5)
    while time.monotonic() < deadline and up.poll() is None:
        time.sleep(0.01)
    victims = _victims(up, cli.lab)
    part = dice.choice([name for name in victims if victims[name]])
    chosen = victims[part] if part == "run" else [dice.choice(victims[part])]
    for pid in chosen:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    up.communicate(timeout=120)
    return part


def test_down_cleans_up_after_a_kill_at_random_moments(fresh: Cli):
    kill_and_clean_up(fresh, 2)


def kill_and_clean_up(fresh: Cli, times: int) -> None:
    """Kill an `up` so many times, and find the machine as it was after each `down`."""
    seed = int(time.time())
    dice = random.Random(seed)
    before = machine.inventory()
    for number in range(times):
        part = _kill_up(fresh, dice)
        down = fresh.run("down")
        assert down.code == 0, f"seed {seed}, kill {number} of {part}: {down.text}"
        assert machine.differences(before, machine.inventory()) == {}, f"seed {seed}, kill {number} of {part}"


def test_up_after_a_killed_up_converges_to_the_same_result(fresh: Cli):
    seconds = random.Random(time.time()).uniform(1, 4.5)
    up = fresh.start("up")
    time.sleep(seconds)
    os.killpg(up.pid, signal.SIGKILL)
    up.communicate(timeout=60)
    result = fresh.json("up")
    assert set(verdicts(result).values()) == {"pass"}, f"killed after {seconds} s"
    assert [node["hostname"] for node in result["nodes"]] == HOSTS
    assert {node["state"] for node in result["nodes"]} == {"ready"}
    assert fresh.json("up")["changed"] == 0


def test_a_host_that_was_killed_comes_back_with_its_disk(fresh: Cli):
    assert fresh.run("up").code == 0
    engine_id = fresh.engine("worker-1").info()["ID"]
    record = state.read(fresh.paths)
    assert record is not None
    os.kill(record.processes["worker-1"].pid, signal.SIGKILL)
    result = fresh.json("up")
    assert set(verdicts(result).values()) == {"pass"}
    assert fresh.engine("worker-1").info()["ID"] == engine_id
    assert len(result["nodes"]) == 3


@pytest.mark.parametrize(("seconds", "number"), [(0.6, signal.SIGINT), (2.0, signal.SIGTERM), (4.0, signal.SIGINT)])
def test_an_interrupted_up_stops_cleanly_and_down_works(fresh: Cli, seconds: float, number: signal.Signals):
    before = machine.inventory()
    up = fresh.start("up")
    time.sleep(seconds)
    up.send_signal(number)
    start = time.monotonic()
    out, err = up.communicate(timeout=30)
    assert time.monotonic() - start < 3
    assert up.returncode == 130, out + err
    assert "Traceback" not in out + err
    assert fresh.run("down").code == 0
    assert machine.differences(before, machine.inventory()) == {}


def test_plain_ansible_brings_the_lab_up_and_down(fresh: Cli):
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def play(*arguments: str) -> str:
        argv = ["ansible-playbook", "-i", "inventory/netns.yml", "-e", f"lab_name={fresh.lab}", *arguments]
        return subprocess.run(argv, cwd=REPO, env=env, capture_output=True, text=True, check=True).stdout

    def changed(output: str) -> set[str]:
        return {word for line in output.splitlines() for word in line.split() if word.startswith("changed=")}

    planned = play("--check", "--diff", "playbooks/up.yml")
    assert "+manager 198.18.0.11" in planned
    assert not fresh.paths.state_file.exists()
    assert "unreachable=0" in play("playbooks/up.yml")
    assert changed(play("playbooks/up.yml")) == {"changed=0"}
    assert changed(play("--check", "playbooks/up.yml")) == {"changed=0"}
    play("playbooks/verify.yml")
    play("playbooks/down.yml")
    assert not fresh.paths.state.exists()
