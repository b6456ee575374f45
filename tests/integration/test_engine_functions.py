"""What changes an engine, four times each: a check, the real run, a repeat, and a check of the repeat."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lab.engine import container, debian_images, image, network, session, swarm
from lab.engine.change import Change
from lab.engine.client import Engine
from lab.engine.container import ContainerSpec
from lab.engine.debian_images import SHELL_TAG
from lab.engine.network import NetworkSpec
from lab.errors import InvalidInput, LabError
from lab.firewall import nftables
from lab.firewall.ports import Opening
from tests.integration.command import Cli, Done
from tests.integration.four_runs import four_runs
from tests.integration.playbook import play, write
from tests.integration.sweeping import DEADLINE_S, swept, things, until

NAME = "four-runs"


@pytest.fixture
def manager(lab: Cli) -> Iterator[Engine]:
    """The manager's engine; what a test makes there is gone at the end."""
    yield from swept(lab.engine("manager"))


@pytest.fixture
def worker(lab: Cli) -> Iterator[Engine]:
    """A worker's engine; what a test makes there is gone at the end."""
    yield from swept(lab.engine("worker-1"))


SPECS = [
    (NetworkSpec(NAME, "test-shared"), f"docker network create -d overlay {NAME}"),
    (NetworkSpec(NAME, "test-shared", attachable=True), f"docker network create -d overlay --attachable {NAME}"),
    (
        NetworkSpec(NAME, "test-shared", "bridge", subnet="10.99.0.0/24"),
        f"docker network create -d bridge --subnet 10.99.0.0/24 {NAME}",
    ),
    (
        NetworkSpec(NAME, "test-shared", encrypted=True, options={"com.docker.network.driver.mtu": "1400"}),
        f"docker network create -d overlay --opt com.docker.network.driver.mtu=1400 --opt encrypted {NAME}",
    ),
]


@pytest.mark.parametrize(("spec", "command"), SPECS, ids=["plain", "attachable", "subnet", "options"])
def test_a_network_comes_and_goes_in_four_runs_each(manager: Engine, spec: NetworkSpec, command: str):
    def names() -> list[str]:
        return sorted(found["Name"] for found in manager.networks())

    four_runs(lambda *, check: network.ensure(manager, spec, check=check), names, command)
    found = network.inspect(manager, NAME)
    assert found is not None
    assert found["Labels"] == {"swarm-lab.lab": "test-shared"}
    assert found["Attachable"] == spec.attachable
    assert spec.all_options().items() <= found["Options"].items()
    assert spec.subnet in ("", *(pool["Subnet"] for pool in found["IPAM"]["Config"] or ()))
    four_runs(
        lambda *, check: network.ensure_absent(manager, NAME, "test-shared", check=check),
        names,
        f"docker network rm {NAME}",
    )


def test_an_overlay_can_be_asked_for_again_at_once(manager: Engine):
    for _ in range(10):
        made = network.ensure(manager, SPECS[1][0], check=False)
        again = network.ensure(manager, SPECS[1][0], check=False)
        assert (made.changed, again.changed) == (True, False)
        network.ensure_absent(manager, NAME, "test-shared", check=False)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"driver": "overlay"}, "driver is 'bridge', not 'overlay'"),
        ({"attachable": True}, "attachable is False, not True"),
        ({"subnet": "10.98.0.0/24"}, "subnet is '10.99.0.0/24', not '10.98.0.0/24'"),
        ({"options": {"com.docker.network.driver.mtu": "1400"}}, "mtu"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("check", [True, False], ids=["check", "real"])
def test_a_network_that_differs_is_refused(manager: Engine, asked: dict[str, Any], words: str, check: bool):
    standing = {"driver": "bridge", "subnet": "10.99.0.0/24"}
    network.ensure(manager, NetworkSpec(NAME, "test-shared", **standing), check=False)
    before = network.inspect(manager, NAME)
    with pytest.raises(InvalidInput, match=f"'{NAME}' exists and differs: .*{re.escape(words)}"):
        network.ensure(manager, NetworkSpec(NAME, "test-shared", **{**standing, **asked}), check=check)
    assert network.inspect(manager, NAME) == before


@pytest.mark.parametrize("labels", [None, {"swarm-lab.lab": "another"}], ids=["a user's", "another lab's"])
@pytest.mark.parametrize("driver", ["overlay", "bridge"])
def test_a_foreign_network_is_refused_and_not_touched(manager: Engine, driver: str, labels: dict[str, str] | None):
    made = manager.create_network(NAME, driver=driver, labels=labels)["Id"]
    until(lambda: manager.inspect_network(made)["Driver"] == driver)
    before = manager.inspect_network(made)
    for check in (True, False):
        with pytest.raises(InvalidInput, match=f"a network '{NAME}' exists that is not this lab's"):
            network.ensure(manager, NetworkSpec(NAME, "test-shared", driver), check=check)
        with pytest.raises(InvalidInput, match=f"a network '{NAME}' exists that is not this lab's"):
            network.ensure_absent(manager, NAME, "test-shared", check=check)
    assert manager.inspect_network(made) == before


def _used_network(engine: Engine, driver: str) -> str:
    """Make a network with a container on it; return the container's id."""
    network.ensure(engine, NetworkSpec(NAME, "test-shared", driver, attachable=True), check=False)
    spec = ContainerSpec(NAME, "test-shared", SHELL_TAG, NAME, command=("sleep", "600"))
    return container.ensure_running(engine, spec, check=False).output


@pytest.mark.parametrize("driver", ["overlay", "bridge"])
def test_a_network_in_use_is_given_up_at_the_deadline(manager: Engine, driver: str):
    _used_network(manager, driver)
    start = time.monotonic()
    with pytest.raises(LabError, match=f"remove network {NAME}: .*(in use|active endpoints)"):
        network.ensure_absent(manager, NAME, "test-shared", check=False, deadline_s=0.5)
    assert 0.5 <= time.monotonic() - start < 3
    assert network.inspect(manager, NAME) is not None


@pytest.mark.parametrize("driver", ["overlay", "bridge"])
def test_a_network_in_use_is_gone_once_it_is_not(lab: Cli, manager: Engine, driver: str):
    user = _used_network(manager, driver)
    with ThreadPoolExecutor() as pool:
        removal = pool.submit(network.ensure_absent, lab.engine("manager"), NAME, "test-shared", check=False)
        manager.remove_container(user, force=True)
        assert removal.result().changed
    assert network.inspect(manager, NAME) is None


def _sleeper(**more: Any) -> ContainerSpec:
    return ContainerSpec(NAME, "test-shared", SHELL_TAG, command=("sleep", "600"), **more)


def _containers(engine: Engine) -> Callable[[], object]:
    return lambda: sorted((found["Id"], found["State"]) for found in engine.containers(all=True))


def test_a_container_is_run_in_four_runs(worker: Engine):
    command = f"docker run -d --name {NAME} {SHELL_TAG} sleep 600"
    done = four_runs(
        lambda *, check: container.ensure_running(worker, _sleeper(), check=check), _containers(worker), command
    )
    assert worker.inspect_container(done.output)["State"]["Running"]


def test_a_container_is_stopped_in_four_runs(worker: Engine):
    container.ensure_running(worker, _sleeper(), check=False)
    four_runs(
        lambda *, check: container.ensure_stopped(worker, NAME, "test-shared", check=check, timeout_s=0),
        _containers(worker),
        f"docker container stop -t 0 {NAME}",
    )


def test_a_stopped_container_is_removed_in_four_runs(worker: Engine):
    container.ensure_running(worker, _sleeper(), check=False)
    container.ensure_stopped(worker, NAME, "test-shared", check=False, timeout_s=0)
    four_runs(
        lambda *, check: container.ensure_absent(worker, NAME, "test-shared", check=check),
        _containers(worker),
        f"docker container rm {NAME}",
    )


def test_a_running_container_goes_by_force(worker: Engine):
    container.ensure_running(worker, _sleeper(), check=False)
    planned = container.ensure_absent(worker, NAME, "test-shared", check=True)
    assert planned.command == f"docker container rm -f {NAME}"
    assert container.ensure_absent(worker, NAME, "test-shared", check=False) == planned
    assert container.inspect(worker, NAME) is None


def test_a_stopped_container_is_replaced_in_four_runs(worker: Engine):
    spec = _sleeper()
    first = container.ensure_running(worker, spec, check=False).output
    worker.kill(first)
    worker.wait(first)
    done = four_runs(
        lambda *, check: container.ensure_running(worker, spec, check=check), _containers(worker), spec.command_line()
    )
    assert done.actions == (f"remove container {NAME}", f"run container {NAME}")
    assert first not in things(worker)["containers"]


def test_a_container_runs_on_the_overlay_asked_for(worker: Engine):
    spec = _sleeper(network="cross-host-ping")
    done = four_runs(
        lambda *, check: container.ensure_running(worker, spec, check=check), _containers(worker), spec.command_line()
    )
    assert list(done.after["networks"]) == ["cross-host-ping"]


@pytest.mark.parametrize("check", [True, False], ids=["check", "real"])
def test_a_foreign_container_is_refused_and_not_touched(worker: Engine, check: bool):
    made = worker.create_container(SHELL_TAG, ["sleep", "600"], name=NAME)["Id"]
    worker.start(made)
    before = worker.inspect_container(made)
    for act in (
        lambda: container.ensure_running(worker, _sleeper(), check=check),
        lambda: container.ensure_stopped(worker, NAME, "test-shared", check=check),
        lambda: container.ensure_absent(worker, NAME, "test-shared", check=check),
    ):
        with pytest.raises(InvalidInput, match=f"a container '{NAME}' exists that is not this lab's"):
            act()
    assert worker.inspect_container(made) == before


def test_a_container_of_a_missing_image_is_invalid_input(worker: Engine):
    before = things(worker)
    with pytest.raises(InvalidInput, match="image none:1 is not on this host"):
        container.ensure_running(worker, ContainerSpec(NAME, "test-shared", "none:1"), check=False)
    assert things(worker) == before


@pytest.mark.parametrize("remove", [False, True])
def test_a_container_run_to_its_end_gives_output_and_status(worker: Engine, remove: bool):
    command = ("sh", "-c", "echo said; exit 3")
    spec = ContainerSpec(NAME, "test-shared", SHELL_TAG, command=command, detach=False, remove=remove)
    assert container.run_to_end(worker, spec, deadline_s=10) == container.Output(3, "said\n")
    if remove:
        until(lambda: container.inspect(worker, NAME) is None)
    else:
        assert container.summary(container.inspect(worker, NAME))["state"] == "exited"


def test_a_container_that_does_not_end_is_given_up_at_the_deadline(worker: Engine):
    spec = ContainerSpec(NAME, "test-shared", SHELL_TAG, command=("sleep", "3"), detach=False)
    start = time.monotonic()
    with pytest.raises(LabError):
        container.run_to_end(worker, spec, deadline_s=1)
    assert time.monotonic() - start < 2.5


def test_the_status_of_an_executed_command_is_a_result(worker: Engine):
    container.ensure_running(worker, _sleeper(), check=False)
    assert container.execute(worker, NAME, ["sh", "-c", "echo out; echo err >&2; exit 7"]).status == 7
    assert container.execute(worker, NAME, ["echo", "a  b"]) == container.Output(0, "a  b\n")
    missing = container.execute(worker, NAME, ["no-such-program"])
    assert missing.status in {126, 127}
    assert "no-such-program" in missing.text


def test_a_command_in_a_container_that_is_not_there_is_an_error(worker: Engine):
    with pytest.raises(LabError, match=f"exec in container {NAME}: .*No such container"):
        container.execute(worker, NAME, ["true"])


@pytest.fixture
def shell(worker: Engine) -> Engine:
    """An engine with a container whose first process is a shell on a terminal."""
    spec = ContainerSpec(NAME, "test-shared", SHELL_TAG, interactive=True, tty=True)
    container.ensure_running(worker, spec, check=False)
    return worker


def test_lines_are_typed_into_the_containers_own_shell(shell: Engine):
    typed = session.type_lines(shell, NAME, ["x=6", "echo $$ $((x * 7))", "cd /tmp", "pwd"], deadline_s=10)
    assert [line.output for line in typed] == ["", "1 42", "", "/tmp"]


def test_ctrl_p_ctrl_q_leaves_the_container_running_and_exit_does_not(shell: Engine):
    started = shell.inspect_container(NAME)["State"]["StartedAt"]
    session.type_lines(shell, NAME, ["x=kept"], deadline_s=10)
    assert session.detach(shell, NAME, deadline_s=10)
    state = shell.inspect_container(NAME)["State"]
    assert (state["Running"], state["StartedAt"]) == (True, started)
    assert session.type_lines(shell, NAME, ["echo $x"], deadline_s=10)[0].output == "kept"
    session.type_lines(shell, NAME, ["exit"], deadline_s=10)
    assert shell.wait(NAME, timeout=10)["StatusCode"] == 0


@pytest.mark.parametrize("label", ["", debian_images.SOURCE_LABEL], ids=["any image of the tag", "by its label"])
def test_an_image_is_loaded_in_four_runs(worker: Engine, tmp_path: Path, label: str):
    archive, tag = tmp_path / "image.tar", f"{NAME}:1"
    worker.tag(SHELL_TAG, NAME, "1")
    archive.write_bytes(b"".join(worker.get_image(tag)))
    worker.remove_image(tag)
    wanted = {tag: debian_images.source() if label else ""}
    done = four_runs(
        lambda *, check: image.ensure_loaded(worker, archive, wanted, label=label, check=check),
        lambda: things(worker),
        f"docker load -i {archive}",
    )
    assert done.output == f"Loaded image: {tag}"
    assert worker.inspect_image(tag)["Id"] == worker.inspect_image(SHELL_TAG)["Id"]


def test_an_archive_without_the_image_wanted_is_an_error(worker: Engine, tmp_path: Path):
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"".join(worker.get_image(SHELL_TAG)))
    with pytest.raises(LabError, match=r"image\.tar was loaded, but none:1 is not there"):
        image.ensure_loaded(worker, archive, {"none:1": ""}, label="", check=False)


@pytest.mark.parametrize("check", [True, False], ids=["check", "real"])
def test_members_of_a_swarm_stay_as_they_are(lab: Cli, check: bool):
    manager, worker = lab.engine("manager"), lab.engine("worker-1")
    before = manager.inspect_swarm(), swarm.membership(worker), swarm.nodes(manager)
    initialised = swarm.ensure_initialised(manager, lab=lab.lab, advertise="198.18.0.11", check=check)
    joined = swarm.ensure_joined(
        worker, manager, advertise="198.18.0.12", remotes=["198.18.0.11:2377"], role="worker", check=check
    )
    rotated = swarm.rotate_tokens(manager, check=check)
    ghosts = swarm.remove_ghosts(manager, ["manager", "worker-1", "worker-2"], check=check)
    assert [change.changed for change in (initialised, joined, rotated, ghosts)] == [False] * 4
    assert (manager.inspect_swarm(), swarm.membership(worker), swarm.nodes(manager)) == before


def _hurry(manager: Engine) -> None:
    """Have a manager miss a node's heartbeat soon."""
    seen = manager.inspect_swarm()
    spec = {**seen["Spec"], "Dispatcher": {"HeartbeatPeriod": 500_000_000}}
    manager.update_swarm(version=seen["Version"]["Index"], swarm_spec=spec)


def test_a_swarm_is_formed_and_left_in_four_runs_each(fresh: Cli, inventory, tmp_path: Path):
    hosts = ["-i", str(inventory(["one"], ["two"])), "--tags", "lab_host,docker_engine,swarm_ports"]
    done = play(*hosts, "playbooks/up.yml", lab=fresh.lab, home=tmp_path)
    assert done.code == 0, done.text
    one, two = fresh.engine("one"), fresh.engine("two")
    joining = {"advertise": "198.18.0.12", "remotes": ["198.18.0.11:2377"], "role": "worker"}

    def initialise(*, check: bool) -> Change:
        return swarm.ensure_initialised(
            one, lab="test", advertise="198.18.0.11", data_path_port=5789, foreign="refused", check=check
        )

    def join(*, check: bool) -> Change:
        return swarm.ensure_joined(two, one, **joining, check=check)

    def memberships() -> list[swarm.Membership]:
        return [swarm.membership(one), swarm.membership(two)]

    init = "docker swarm init --advertise-addr 198.18.0.11 --data-path-port 5789"
    four_runs(initialise, memberships, init)
    _hurry(one)
    four_runs(join, memberships, "docker swarm join --token <token> --advertise-addr 198.18.0.12 198.18.0.11:2377")
    four_runs(
        lambda *, check: swarm.rotate_tokens(one, check=check),
        lambda: one.inspect_swarm()["JoinTokens"],
        "docker swarm join-token --rotate worker; docker swarm join-token --rotate manager",
    )
    four_runs(
        lambda *, check: swarm.ensure_left(two, check=check), lambda: memberships()[1], "docker swarm leave --force"
    )
    ghost = next(node.id for node in swarm.nodes(one) if node.hostname == "two")
    join(check=False)
    swarm.wait_ready(one, ["one", "two"], DEADLINE_S)
    until(lambda: one.inspect_node(ghost)["Status"]["State"] == "down")
    four_runs(
        lambda *, check: swarm.remove_ghosts(one, ["one", "two"], check=check),
        lambda: swarm.nodes(one),
        f"docker node rm --force {ghost}",
    )
    assert [node.hostname for node in swarm.nodes(one)] == ["one", "two"]


def test_the_ports_are_opened_and_closed_again_by_what_is_rendered(lab: Cli):
    place = nftables.places(lab.on("worker-2", "nft -j list chains").out)[0]
    opening = Opening(peers=["198.18.0.11", "198.18.0.12"], manager=False)

    def listing() -> str:
        return lab.on("worker-2", f"nft -a list table {place.family} {place.table}").out

    def apply(render: str) -> None:
        done = lab.on("worker-2", f"nft -f - <<'RULES'\n{render}RULES\n")
        assert done.code == 0, done.text

    assert nftables.standing(listing()) == nftables.wanted(opening)
    try:
        apply(nftables.render_removal(place, listing()))
        assert "swarm_" not in listing()
        assert nftables.render_removal(place, listing()) == ""
    finally:
        apply(nftables.render(place, opening, listing()))
    assert nftables.standing(listing()) == nftables.wanted(opening)
    apply(nftables.render(place, opening, listing()))
    assert nftables.standing(listing()) == nftables.wanted(opening)


def _changed(done: Done) -> list[int]:
    assert done.code == 0, done.text
    return [int(number) for number in re.findall(r"changed=(\d+)", done.out)]


TASKS: dict[str, Mapping[str, Any]] = {
    "network": {"name": NAME, "driver": "bridge", "attachable": True},
    "container": {"name": NAME, "image": SHELL_TAG, "command": ["sleep", "600"]},
}


def _task(noun: str, **more: object) -> dict[str, Any]:
    return {"name": "Act", f"lab.swarm.{noun}": {**TASKS[noun], **more}}


@pytest.mark.parametrize(("noun", "difference"), [("network", "+driver: bridge"), ("container", "+state: running")])
def test_a_task_changes_what_its_check_says_once(lab: Cli, worker: Engine, tmp_path: Path, noun: str, difference: str):
    playbook = str(write(tmp_path, "worker-1", _task(noun)))

    def act(*options: str) -> tuple[list[int], bool, dict[str, set[str]]]:
        done = play("-i", "inventory/netns.yml", "--diff", *options, playbook, lab=lab.lab, home=tmp_path)
        return _changed(done), difference in done.out, things(worker)

    before = things(worker)
    assert act("--check") == ([1], True, before)
    changed, told, made = act()
    assert (changed, told) == ([1], True)
    assert len(made[f"{noun}s"] - before[f"{noun}s"]) == 1
    assert act() == ([0], False, made)
    assert act("--check") == ([0], False, made)


@pytest.mark.parametrize("noun", TASKS)
def test_an_unknown_argument_of_a_task_is_refused(lab: Cli, worker: Engine, tmp_path: Path, noun: str):
    before = things(worker)
    playbook = write(tmp_path, "worker-1", _task(noun, atachable=True))
    done = play("-i", "inventory/netns.yml", str(playbook), lab=lab.lab, home=tmp_path)
    assert done.code == 2
    assert "Unsupported parameters" in done.text
    assert "atachable" in done.text
    assert things(worker) == before
