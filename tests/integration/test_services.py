"""Services of a swarm, their tasks, and what a stage leaves: on the shared lab's engines."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.engine import container, leftovers, lookup, network, readiness, service, session, tasks
from lab.engine.client import Engine
from lab.engine.container import ContainerSpec
from lab.engine.debian_images import SHELL_TAG, WEB_TAG
from lab.engine.network import NetworkSpec
from lab.engine.ownership import labels
from lab.engine.service import Published, ServiceSpec
from lab.errors import InvalidInput, LabError
from lab.hosts import facts, http_request
from tests.integration.command import Cli
from tests.integration.four_runs import four_runs
from tests.integration.playbook import play, write
from tests.integration.sweeping import DEADLINE_S, swept, until

LAB = "test-shared"
NAME = "four-runs"
STAGE = "one-stage"
HOSTS = ("manager", "worker-1", "worker-2")
PORT = 8080
WEB = ServiceSpec(NAME, LAB, WEB_TAG, replicas=0)
both = pytest.mark.parametrize("check", [True, False], ids=["check", "real"])


@pytest.fixture
def engines(lab: Cli) -> Iterator[dict[str, Engine]]:
    """The engines by host; what a test makes there is gone at the end."""
    found = {host: lab.engine(host) for host in HOSTS}
    with contextmanager(swept)(*found.values()):
        yield found


@pytest.fixture
def manager(engines: dict[str, Engine]) -> Engine:
    """The manager's engine, with two overlays."""
    for name in ("net-1", "net-2"):
        network.ensure(engines["manager"], NetworkSpec(name, LAB), check=False)
    return engines["manager"]


def _seen(manager: Engine) -> dict[str, Any]:
    """Return the summary of the service as it stands."""
    return service.summary(service.inspect(manager, NAME), service.network_names(manager))


def _specs(manager: Engine) -> Callable[[], object]:
    return lambda: [(found["ID"], found["Spec"]) for found in manager.services()]


def _type(lab: Cli, command: str) -> None:
    """Have the docker command do what a person would type, and not wait for the tasks."""
    docker, noun, verb, *words = shlex.split(command)
    options = ["--detach", *(["--no-resolve-image"] if verb != "scale" else [])]
    socket = f"unix://{lab.paths.engine_socket('manager')}"
    done = subprocess.run(
        [docker, "-H", socket, noun, verb, *options, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


FORMS = {
    "replicated": (WEB, f"--replicas=0 {WEB_TAG}"),
    "global": (replace(WEB, replicas=None), f"--mode global {WEB_TAG}"),
    "ingress": (
        replace(WEB, publish=(Published(PORT, 80), Published(53, 53, protocol="udp"))),
        f"--publish published=8080,target=80 --publish published=53,target=53,protocol=udp --replicas=0 {WEB_TAG}",
    ),
    "host": (
        replace(WEB, publish=(Published(PORT, 80, "host"),)),
        f"--publish mode=host,published=8080,target=80 --replicas=0 {WEB_TAG}",
    ),
    "any port": (
        replace(WEB, publish=(Published(0, 80),)),
        f"--publish published=0,target=80 --replicas=0 {WEB_TAG}",
    ),
    "dnsrr": (
        replace(WEB, networks=("net-1",), endpoint_mode="dnsrr"),
        f"--replicas=0 --network net-1 --endpoint-mode dnsrr {WEB_TAG}",
    ),
    "of a stage": (
        replace(WEB, networks=("net-2", "net-1"), command=("nginx", "-g", "user root;"), stage=STAGE),
        f"--replicas=0 --network net-2 --network net-1 {WEB_TAG} nginx -g 'user root;'",
    ),
    "update": (
        replace(WEB, update_order="start-first", update_parallelism=0),
        f"--replicas=0 --update-order start-first --update-parallelism 0 {WEB_TAG}",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_service_comes_and_goes_in_four_runs_each(lab: Cli, manager: Engine, form: str):
    spec, options = FORMS[form]
    command = f"docker service create --name {NAME} {options}"
    made = four_runs(lambda *, check: service.ensure(manager, spec, check=check), _specs(manager), command)
    found = manager.inspect_service(made.output)["Spec"]
    assert found["Labels"] == found["TaskTemplate"]["ContainerSpec"]["Labels"] == labels(LAB, spec.stage)
    four_runs(
        lambda *, check: service.ensure_absent(manager, NAME, LAB, check=check),
        _specs(manager),
        f"docker service rm {NAME}",
    )
    _type(lab, command)
    assert _seen(manager) == made.after


UPDATES = {
    "networks": ({"networks": ("net-1",)}, {"networks": ("net-2",)}, "--network-add net-2 --network-rm net-1"),
    "ingress": ({}, {"publish": (Published(PORT, 80),)}, "--publish-add published=8080,target=80"),
    "another port": (
        {"publish": (Published(PORT, 80),)},
        {"publish": (Published(8081, 80),)},
        "--publish-add published=8081,target=80 --publish-rm 80",
    ),
    "host": (
        {"publish": (Published(PORT, 80),)},
        {"publish": (Published(PORT, 80, "host"),)},
        "--publish-add mode=host,published=8080,target=80 --publish-rm 80",
    ),
    "no port": (
        {"publish": (Published(53, 53, "host", "udp"),)},
        {},
        "--publish-rm mode=host,published=53,target=53,protocol=udp",
    ),
    "dnsrr": ({"networks": ("net-1",)}, {"networks": ("net-1",), "endpoint_mode": "dnsrr"}, "--endpoint-mode dnsrr"),
    "image": ({}, {"image": SHELL_TAG, "replicas": 1}, f"--replicas 1 --image {SHELL_TAG}"),
    "command": ({}, {"command": ("sh", "-c", "exit 3")}, """--args 'sh -c '"'"'exit 3'"'"''"""),
    "no command": ({"command": ("sh",)}, {}, "--args="),
    "order": ({}, {"update_order": "start-first"}, "--update-order start-first"),
    "parallelism": ({"update_parallelism": 2}, {}, "--update-parallelism 1"),
    "scale": ({}, {"replicas": 2}, ""),
}


@pytest.mark.parametrize("update", UPDATES)
def test_a_service_is_updated_in_four_runs(lab: Cli, manager: Engine, update: str):
    before, after, options = UPDATES[update]
    standing, spec = replace(WEB, **before), replace(WEB, **after)
    command = f"docker service update {options} {NAME}" if options else f"docker service scale {NAME}=2"
    made = service.ensure(manager, standing, check=False)
    done = four_runs(lambda *, check: service.ensure(manager, spec, check=check), _specs(manager), command)
    assert (done.before, done.after, done.output) == (made.after, spec.wanted(), made.output)
    service.ensure(manager, standing, check=False)
    _type(lab, command)
    assert _seen(manager) == done.after


def test_an_update_is_not_lost_to_the_swarms_own_notes_on_the_one_before(manager: Engine):
    for number in range(20):
        spec = replace(WEB, replicas=1, publish=(Published(PORT + number % 2, 80),))
        assert service.ensure(manager, spec, check=False).after == spec.wanted()


def _refused(act: Callable[[], object], words: str, error: type[LabError] = InvalidInput) -> None:
    with pytest.raises(error, match=re.escape(words)) as raised:
        act()
    assert type(raised.value) is error


FOREIGN = {
    "a user's": ({}, f"a service '{NAME}' exists that is not this lab's"),
    "another lab's": (labels("another"), f"a service '{NAME}' exists that is not this lab's"),
    "another stage's": (labels(LAB, "another"), f"a service '{NAME}' exists that stage another keeps"),
}


@pytest.mark.parametrize("whose", FOREIGN)
def test_a_foreign_service_is_refused_and_not_touched(manager: Engine, whose: str):
    bears, words = FOREIGN[whose]
    template = {"ContainerSpec": {"Image": WEB_TAG}}
    manager.create_service(template, name=NAME, labels=bears, mode={"Replicated": {"Replicas": 0}})
    before = _specs(manager)()
    for check in (True, False):
        _refused(lambda check=check: service.ensure(manager, replace(WEB, stage=STAGE), check=check), words)
        if whose != "another stage's":
            _refused(lambda check=check: service.ensure_absent(manager, NAME, LAB, check=check), words)
    assert readiness.name_problems(manager, {"service": [NAME, "free"]}, LAB, STAGE)[0].startswith(words)
    assert _specs(manager)() == before


@both
def test_a_service_that_only_another_could_be_is_refused(manager: Engine, check: bool):
    service.ensure(manager, WEB, check=False)
    before = _specs(manager)()
    words = f"service '{NAME}' exists and is replicated, not global"
    _refused(lambda: service.ensure(manager, replace(WEB, replicas=None), check=check), words)
    assert _specs(manager)() == before


def test_what_the_engine_refuses_is_told_in_its_own_words(engines: dict[str, Engine], manager: Engine):
    worker, taken = engines["worker-1"], replace(WEB, publish=(Published(PORT, 80),))
    service.ensure(manager, taken, check=False)
    before = _specs(manager)()
    for check in (True, False):
        told = f"inspect service {NAME}: This node is not a swarm manager. Worker nodes can't be used"
        _refused(lambda check=check: service.ensure(worker, WEB, check=check), told, LabError)
        _refused(lambda check=check: service.ensure_absent(worker, NAME, LAB, check=check), told, LabError)
    other = replace(taken, name="other")
    for spec, words in [
        (other, f"port '8080' is already in use by service '{NAME}'"),
        (replace(other, endpoint_mode="dnsrr"), "port published with ingress mode can't be used with dnsrr mode"),
    ]:
        _refused(lambda spec=spec: service.ensure(manager, spec, check=False), words, LabError)
    no_network = replace(WEB, name="other", networks=("net-1", "missing"))
    _refused(lambda: service.ensure(manager, no_network, check=False), "service other: there is no network missing")
    assert _specs(manager)() == before


def _converged(manager: Engine, *specs: ServiceSpec) -> list[tasks.Convergence]:
    """Make services as specified, all at once; return how each stands when its tasks run."""
    for spec in specs:
        service.ensure(manager, spec, check=False)
    found = [tasks.converge(manager, spec.name, DEADLINE_S) for spec in specs]
    assert [(one.settled, len(one.running), one.errors) for one in found] == [
        (True, spec.replicas, []) for spec in specs
    ]
    return found


def _ids(found: tasks.Convergence) -> set[str]:
    return {task.id for task in found.running}


def test_a_service_has_converged_when_all_tasks_of_its_present_form_run(manager: Engine):
    attached = replace(WEB, replicas=3, networks=("net-1",), update_parallelism=0)
    published = replace(WEB, name="published", replicas=3)
    first = _converged(manager, attached, published)
    assert {task.node for task in first[0].running} == set(HOSTS)
    assert {tuple(task.addresses) for task in first[0].running} == {("net-1",)}

    attached, published = (
        replace(attached, networks=("net-2",)),
        replace(published, publish=(Published(PORT, 80, "host"),)),
    )
    second = _converged(manager, attached, published)
    assert {tuple(task.addresses) for task in second[0].running} == {("net-2",)}
    assert [_ids(before) & _ids(after) for before, after in zip(first, second, strict=True)] == [set(), set()]

    (scaled,) = _converged(manager, replace(attached, replicas=1))
    assert _ids(scaled) < _ids(second[0])


def test_a_service_that_does_not_run_tells_why_and_is_given_up_at_the_deadline(manager: Engine):
    crashing = ServiceSpec(NAME, LAB, SHELL_TAG, ("sh", "-c", "exit 3"))
    service.ensure(manager, crashing, check=False)
    service.ensure(manager, ServiceSpec("no-image", LAB, "none:1"), check=False)
    start = time.monotonic()
    found = tasks.converge(manager, NAME, 2)
    assert 2 < found.waited_s <= time.monotonic() - start < 3.5
    assert (found.settled, found.wanted) == (False, 1)
    assert [error.partition(": ")[2] for error in found.errors] == ["task: non-zero exit (3)"]
    refused = tasks.wait_refused(manager, "no-image", DEADLINE_S)
    assert {error.partition(": ")[2] for error in refused.errors} == {"No such image: none:1"}
    assert {error.partition(": ")[0] for error in refused.errors} <= set(HOSTS)
    _refused(lambda: tasks.converge(manager, "absent", 1), "there is no service 'absent'", LabError)


@pytest.fixture
def web(lab: Cli) -> Iterator[dict[str, Engine]]:
    """Engines with a task each of a service in host mode, on an overlay that a worker's shell is on too."""
    found = {host: lab.engine(host) for host in HOSTS}
    with contextmanager(swept)(*found.values()) as manager:
        network.ensure(manager, NetworkSpec("net-1", LAB, attachable=True), check=False)
        spec = replace(WEB, replicas=None, networks=("net-1",), publish=(Published(PORT, 80, "host"),))
        service.ensure(manager, spec, check=False)
        shell = ContainerSpec("shell", LAB, SHELL_TAG, "net-1", interactive=True, tty=True)
        container.ensure_running(found["worker-1"], shell, check=False)
        assert tasks.converge(manager, NAME, DEADLINE_S).settled
        yield found


def test_a_service_with_a_task_on_every_host(lab: Cli, web: dict[str, Engine]):
    manager, worker = web["manager"], web["worker-1"]
    seen = tasks.look(manager, NAME)
    by_node = {task.node: task for task in seen.running}
    assert set(by_node) == set(HOSTS)

    # Every host answers at the port, from its own task, which counts the connections.
    before = {host: tasks.accepted(web[host], NAME) for host in HOSTS}
    assert {host: list(counts) for host, counts in before.items()} == {h: [by_node[h].container] for h in HOSTS}
    addresses = {host: manager.inspect_node(_node(manager, host))["Status"]["Addr"] for host in HOSTS}
    addresses["manager"] = "198.18.0.11"
    asked = lab.on("worker-2", http_request.script(addresses, PORT, 3, 2)).out
    assert http_request.parse(asked) == dict.fromkeys(HOSTS, ["200"] * 3)
    new = {h: count - before[h][task] for h in HOSTS for task, count in tasks.accepted(web[h], NAME).items()}
    assert new == dict.fromkeys(HOSTS, 3)

    # The port is taken, and it is told by whom.
    told = facts.parse(lab.on("worker-1", facts.SCRIPT).out)
    assert {PORT, 7946} <= told.listening
    assert not told.default_route
    assert readiness.holder(worker, PORT).startswith(f"container {NAME}.")
    assert readiness.holder(worker, 7946) == "a program on it"

    # Its name is one address, the virtual one; tasks.NAME is one for each task.
    wanted = {NAME: 1, f"tasks.{NAME}": 3, "nobody": 0}
    found, _ = lookup.addresses(worker, "shell", wanted, DEADLINE_S)
    virtual = service.virtual_addresses(service.inspect(manager, NAME) or {}, service.network_names(manager))
    assert found[NAME] == [virtual["net-1"].partition("/")[0]]
    assert sorted(found[f"tasks.{NAME}"]) == sorted(task.addresses["net-1"] for task in seen.running)
    assert found["nobody"] == []
    start = time.monotonic()
    assert lookup.addresses(worker, "shell", {NAME: 2}, 0.3)[0] == {NAME: found[NAME]}
    assert 0.3 <= time.monotonic() - start < 2

    # A session is left by ctrl-p ctrl-q, and its shell stays.
    shell = worker.inspect_container("shell")["State"]["StartedAt"]
    line = f"wget -qO- http://{by_node['worker-2'].addresses['net-1']}"
    typed, detached = session.converse(worker, "shell", ["x=kept", line], deadline_s=10, detaches=True)
    assert (typed[1].output, detached) == (by_node["worker-2"].container[:12], True)
    again, detached = session.converse(worker, "shell", ["echo $x"], deadline_s=10)
    assert (again[0].output, detached) == ("kept", False)
    assert worker.inspect_container("shell")["State"]["StartedAt"] == shell


def _node(manager: Engine, host: str) -> str:
    return next(node["ID"] for node in manager.nodes() if node["Description"]["Hostname"] == host)


def test_an_engine_is_ready_for_a_stage_or_tells_what_is_wrong(engines: dict[str, Engine], manager: Engine):
    worker = engines["worker-1"]
    assert [readiness.swarm_problems(engine, manager, host) for host, engine in engines.items()] == [[], [], []]
    assert readiness.version_problems(worker, "17.06") == []
    assert readiness.image_problems(worker, [SHELL_TAG, "none:1"]) == ["image none:1 is not there: lab up brings it"]
    service.ensure(manager, replace(WEB, publish=(Published(PORT, 80),)), check=False)
    until(lambda: readiness.published(manager, [PORT, 9]) == {PORT: NAME})

    worker.create_container(SHELL_TAG, name="taken")
    worker.create_network("taken", driver="bridge")
    container.create(worker, ContainerSpec("of-stage", LAB, SHELL_TAG, stage="another"))
    names = {"container": ["taken", "of-stage", "free"], "network": ["taken", "net-1"]}
    assert readiness.name_problems(worker, names, LAB, STAGE) == [
        "a container 'taken' exists that is not this lab's (rename or remove it; nothing was changed)",
        "a container 'of-stage' exists that stage another keeps (lab stage clean another)",
        "a network 'taken' exists that is not this lab's (rename or remove it; nothing was changed)",
    ]

    node = manager.inspect_node(_node(manager, "worker-1"))
    try:
        manager.update_node(node["ID"], node["Version"]["Index"], {**node["Spec"], "Availability": "drain"})
        (problem,) = readiness.swarm_problems(worker, manager, "worker-1")
        assert "docker node update --availability active worker-1" in problem
    finally:
        now = manager.inspect_node(node["ID"])
        manager.update_node(node["ID"], now["Version"]["Index"], node["Spec"])


def test_a_task_that_makes_a_service_fails_with_what_its_tasks_say(lab: Cli, manager: Engine, tmp_path: Path):
    crash = {"name": NAME, "image": SHELL_TAG, "command": ["sh", "-c", "exit 3"], "deadline": 2}
    path = write(tmp_path, "manager", {"name": "Act", "lab.swarm.service": crash})
    done = play("-i", "inventory/netns.yml", str(path), lab=lab.lab, home=tmp_path)
    assert done.code == 2
    told = next(line for line in done.text.splitlines() if f"service {NAME}: " in line)
    for words in ("2 s", "0 of 1", "task: non-zero exit (3)", f"docker service ps --no-trunc {NAME}"):
        assert words in told
    assert _seen(manager)["command"] == crash["command"]


def _make(lab: Cli, prefix: str, bears: dict[str, str]) -> list[str]:
    """Make a service on an overlay, a bridge of a worker, and a container on each of two hosts, with these labels."""
    manager, worker, other = map(lab.engine, HOSTS)
    overlay, bridge, web = f"{prefix}-overlay", f"{prefix}-bridge", f"{prefix}-web"
    made = manager.create_network(overlay, driver="overlay", attachable=True, labels=bears)["Id"]
    worker.create_network(bridge, driver="bridge", labels=bears)
    template = {"ContainerSpec": {"Image": WEB_TAG, "Labels": bears}, "Networks": [{"Target": made}]}
    manager.create_service(template, name=web, labels=bears, mode={"Replicated": {"Replicas": 1}})
    for engine, name, net in ((worker, f"{prefix}-one", bridge), (other, f"{prefix}-two", overlay)):
        config = engine.create_host_config(network_mode=net)
        engine.start(engine.create_container(SHELL_TAG, ["sleep", "600"], name=name, labels=bears, host_config=config))
    return [
        f"service {web} on manager",
        f"network {overlay} on manager",
        f"container {prefix}-one on worker-1",
        f"network {bridge} on worker-1",
        f"container {prefix}-two on worker-2",
    ]


def _names(engines: Mapping[str, Engine]) -> set[str]:
    """Return everything that runs or stands, by kind and host; tasks by their service."""
    found = {f"service {one['Spec']['Name']} on manager" for one in engines["manager"].services()}
    for host, engine in engines.items():
        found |= {f"network {one['Name']} on {host}" for one in engine.networks()}
        for one in engine.containers():
            kind = "task" if "com.docker.swarm.task.id" in one["Labels"] else "container"
            found.add(f"{kind} {one['Names'][0].strip('/').partition('.')[0]} on {host}")
    return found


def test_only_what_a_stage_labelled_goes_on_any_engine(lab: Cli, engines: dict[str, Engine]):
    others = {"user": {}, "lab": labels(LAB), "stage": labels(LAB, "another"), "other": labels("another", STAGE)}
    with ThreadPoolExecutor() as pool:
        made = [pool.submit(_make, lab, *one) for one in {"ours": labels(LAB, STAGE), **others}.items()]
        ours, *theirs = [one.result() for one in made]
    for prefix in ("ours", *others):
        assert tasks.converge(engines["manager"], f"{prefix}-web", DEADLINE_S).settled
    there = _names(engines)
    assert {name for names in (ours, *theirs) for name in names} <= there

    def act(*, check: bool):
        return leftovers.ensure_absent(engines, "manager", LAB, STAGE, check=check, deadline_s=DEADLINE_S)

    listed = leftovers.words(leftovers.listed(engines, "manager", LAB, STAGE, ended=False))
    assert set(ours) <= set(listed)
    assert [name for name in listed if "ours" not in name] == []
    assert len([name for name in listed if name.startswith("task ")]) == 1
    left, waited = leftovers.wait_gone(engines, "manager", LAB, STAGE, deadline_s=0.2)
    assert leftovers.words(left) == listed
    assert waited > 0.2
    four_runs(act, lambda: leftovers.listed(engines, "manager", LAB, STAGE, ended=True), "")
    assert leftovers.wait_gone(engines, "manager", LAB, STAGE, deadline_s=0)[0] == {}
    assert {name for name in there if "ours" not in name} <= _names(engines)
    assert [name for name in _names(engines) if "ours" in name] == []


def test_what_cannot_go_is_told_at_the_deadline(engines: dict[str, Engine]):
    manager = engines["manager"]
    network.ensure(manager, NetworkSpec("ours", LAB, attachable=True, stage=STAGE), check=False)
    config = manager.create_host_config(network_mode="ours")
    user = manager.create_container(SHELL_TAG, ["sleep", "600"], name="user", host_config=config)
    manager.start(user)
    start = time.monotonic()
    with pytest.raises(LabError, match="network ours"):
        leftovers.ensure_absent(engines, "manager", LAB, STAGE, check=False, deadline_s=0.5)
    assert 0.5 < time.monotonic() - start < 3
    assert manager.inspect_container(user)["State"]["Running"]
