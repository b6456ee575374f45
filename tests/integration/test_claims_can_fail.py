"""Every claim can fail: the thing that it is about is broken while the stage runs, and exactly that claim notices.

Some groups of claims are broken here, the others in ``tests/exhaustive``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.integration import sabotage
from tests.integration.command import Cli
from tests.integration.sabotage import Mutation

LOOK_UP = "In client, resolve the services' names, and that of the tasks"
CLEANUP = "Verify | Wait until every host has let go of them"


def _stray(stage: str, task: str = CLEANUP) -> Mutation:
    return Mutation(
        [f"{stage}.nothing-left"], task, "d worker-1 run -d $(own) --name stray swarm-lab/busybox:debian sleep 600"
    )


def _alias(name: str) -> str:
    """Return a script that gives a further container a name that is a service's."""
    started = "d worker-1 run -d --network svc-net swarm-lab/busybox:debian sleep 600"
    return started.replace("-d ", f"-d --name alias-{name} --network-alias {name} ")


DEFAULT = [
    [
        Mutation(
            ["default-overlay.same-network-id"],
            "On the manager, create the service my-nginx on nginx-net",
            "d manager network rm nginx-net; d manager network create -d overlay $(own) nginx-net",
        ),
        Mutation(
            ["default-overlay.all-running"],
            "On the manager, watch the service come up",
            "d manager service scale -d my-nginx=4",
        ),
        Mutation(
            ["default-overlay.endpoint"],
            "On the manager, inspect the service",
            "d manager service update -d --publish-add 8999:80 my-nginx",
        ),
        Mutation(
            ["default-overlay.host-mode-answers"],
            "From the manager, ask the host-mode port of every host",
            "on worker-2 iptables -t raw -I PREROUTING -p tcp --dport 8081 -j DROP",
            {
                "On the manager, create a second service that wants the same port of the hosts": (
                    "on worker-2 iptables -t raw -D PREROUTING -p tcp --dport 8081 -j DROP"
                )
            },
        ),
        Mutation(
            ["default-overlay.all-replaced"],
            "On the manager, watch the update of the service",
            "d manager service scale -d my-nginx=4",
        ),
        Mutation(
            ["default-overlay.old-network-empty"],
            "On every host, inspect nginx-net again",
            "intruder left-behind nginx-net worker-2",
            {"On every host, inspect nginx-net-2": "d manager service rm left-behind"},
        ),
    ],
    [
        Mutation(
            ["default-overlay.no-network-before"],
            "On every host, look for nginx-net before any task runs",
            "intruder intruder nginx-net worker-1",
            {
                "On the manager, create the service my-nginx on nginx-net": """
                    d manager service rm intruder
                    soon '[ -z "$(d worker-1 network ls -q -f name=nginx-net)" ]'
                """
            },
        ),
        Mutation(
            ["default-overlay.containers-are-the-tasks"],
            "On every host, inspect nginx-net",
            "intruder stranger nginx-net worker-1",
            {"On the manager, create the overlay nginx-net-2": "d manager service rm stranger"},
        ),
        Mutation(
            ["default-overlay.peers"],
            "On the manager, create the overlay nginx-net",
            """
            for port in tcp udp; do
                on worker-2 iptables -t raw -I PREROUTING -p $port --dport 7946 -j DROP
                on worker-2 iptables -t raw -I OUTPUT -p $port --dport 7946 -j DROP
            done
            """,
            {
                "On the manager, inspect the service": """
                    for port in tcp udp; do
                        on worker-2 iptables -t raw -D PREROUTING -p $port --dport 7946 -j DROP
                        on worker-2 iptables -t raw -D OUTPUT -p $port --dport 7946 -j DROP
                    done
                """
            },
        ),
        Mutation(
            ["default-overlay.host-mode-port-taken"],
            "On the manager, create a second service that wants the same port of the hosts",
            """
            d manager service rm my-nginx-on-hosts
            for host in manager worker-1 worker-2; do soon '[ -z "$(container_of '"$host"' my-nginx-on-hosts)" ]'; done
            """,
        ),
        Mutation(
            ["default-overlay.new-network-has-all"],
            "On every host, inspect nginx-net-2",
            "node=$(node_of my-nginx); d $node kill $(container_of $node my-nginx)",
        ),
        _stray("default-overlay"),
    ],
]
DEFAULT_VARIABLES = {
    "stage_default_overlay_replicas": 3,
    "stage_default_overlay_patience": 2,
    "stage_default_overlay_removal": 6,
}

USER_DEFINED = [
    [
        Mutation(
            ["user-defined-overlay.running"],
            "On the manager, watch the service come up",
            "d manager service scale -d my-nginx=2",
        ),
        Mutation(
            ["user-defined-overlay.container-on-network"],
            "On every host, inspect my-overlay",
            "node=$(node_of my-nginx); d $node kill $(container_of $node my-nginx)",
        ),
        _stray("user-defined-overlay"),
    ]
]
USER_DEFINED_VARIABLES = {"stage_user_defined_overlay_removal": 5}

STANDALONE = [
    [
        Mutation(
            ["standalone-containers.no-network-before"],
            "On host2, list the networks, and notice that test-net is not there yet",
            "d worker-1 run -d --name early --network test-net swarm-lab/busybox:debian sleep 600",
            {
                "On host2, start the detached container alpine2 on test-net": """
                    d worker-1 rm -f early
                    soon '[ -z "$(d worker-1 network ls -q -f name=test-net)" ]'
                """
            },
        ),
        Mutation(
            ["standalone-containers.ping-host1-to-host2"],
            "In the session of alpine1, ping alpine2",
            "on worker-1 iptables -t raw -I PREROUTING -p udp --dport 4789 -j DROP",
            {
                "On host2, ping alpine1 from the further container alpine3": (
                    "on worker-1 iptables -t raw -D PREROUTING -p udp --dport 4789 -j DROP"
                )
            },
        ),
        Mutation(
            ["standalone-containers.removed-at-end"],
            "Verify | Wait for alpine3 to be gone",
            "d worker-1 run -d $(own) --name alpine3 swarm-lab/busybox:debian sleep 600",
            {
                "In the session of alpine1, ping alpine2 with packets as large as the path carries": (
                    "d worker-1 rm -f alpine3"
                )
            },
        ),
        Mutation(["standalone-containers.http"], "In alpine1, ask the web server on host2", "d worker-1 kill web"),
        Mutation(
            ["standalone-containers.network-leaves"],
            "On host2, look whether test-net has gone",
            "d worker-1 run -d --name guest --network test-net swarm-lab/busybox:debian sleep 600",
            {"On host2, remove alpine2": "d worker-1 rm -f guest"},
        ),
    ],
    [
        Mutation(
            ["standalone-containers.same-network-id"],
            "On host1, start the interactive container alpine1 on test-net",
            "d manager network rm test-net; d manager network create -d overlay --attachable $(own) test-net",
        ),
        Mutation(
            ["standalone-containers.ping-host2-to-host1"],
            "On host2, ping alpine1 from the further container alpine3",
            "on manager iptables -t raw -I PREROUTING -p udp --dport 4789 -j DROP",
            {
                "Verify | Wait for alpine3 to be gone": (
                    "on manager iptables -t raw -D PREROUTING -p udp --dport 4789 -j DROP"
                )
            },
        ),
        Mutation(
            ["standalone-containers.large-packet"],
            "In the session of alpine1, ping alpine2 with packets as large as the path carries",
            "on worker-1 iptables -t raw -I PREROUTING -p udp --dport 4789 -m length --length 1400: -j DROP",
            {
                "On both hosts, start a web server on test-net, under one name": (
                    "on worker-1 iptables -t raw -D PREROUTING -p udp --dport 4789 -m length --length 1400: -j DROP"
                )
            },
        ),
        Mutation(
            ["standalone-containers.stops-with-session"], "Verify | Wait for alpine1 to stop", "d manager start alpine1"
        ),
        _stray("standalone-containers"),
    ],
]
STANDALONE_VARIABLES = {"stage_standalone_containers_deadline": 2}

SERVICE = [
    [
        Mutation(
            ["container-and-service.services-running"],
            "On host1, watch the service web come up",
            "d manager service scale -d web=3",
        ),
        Mutation(
            ["container-and-service.name-is-virtual-ip"],
            LOOK_UP,
            _alias("web"),
            {"In client, get a page from the service by the name of its tasks": "d worker-1 rm -f alias-web"},
        ),
        Mutation(
            ["container-and-service.dnsrr-name"],
            LOOK_UP,
            _alias("web-rr"),
            {"In client, get a page from the service without a virtual IP": "d worker-1 rm -f alias-web-rr"},
        ),
        Mutation(
            ["container-and-service.http-by-tasks-name"],
            "In client, get a page from the service by the name of its tasks",
            "d worker-1 exec client sh -c 'echo 127.0.0.1 tasks.web >>/etc/hosts'",
        ),
        Mutation(
            ["container-and-service.bridge-lists-both"],
            "On host1, inspect the network bridge",
            """
            d manager network disconnect bridge alpine2
            d manager run -d --name filler swarm-lab/busybox:debian sleep 600
            d manager network connect bridge alpine2
            """,
            {"Verify | Wait until every host has let go of everything": "d manager rm -f filler"},
        ),
        Mutation(
            ["container-and-service.no-names-on-bridge"],
            "Attached to alpine1, ping alpine2 by its name",
            "d manager exec alpine1 sh -c 'echo 127.0.0.1 alpine2 >>/etc/hosts'",
        ),
        _stray("container-and-service", "Verify | Wait until every host has let go of everything"),
    ],
    [
        Mutation(
            ["container-and-service.tasks-name"],
            LOOK_UP,
            _alias("tasks.web"),
            {"In client, get a page from the service by the name of its tasks": "d worker-1 rm -f alias-tasks.web"},
        ),
        Mutation(
            ["container-and-service.http-by-dnsrr-name"],
            "In client, get a page from the service without a virtual IP",
            "d worker-1 exec client sh -c 'echo 127.0.0.1 web-rr >>/etc/hosts'",
        ),
        Mutation(
            ["container-and-service.ping-every-task"],
            "In client, ping every task by its address",
            "node=$(node_of web); d $node kill $(container_of $node web)",
        ),
        Mutation(
            ["container-and-service.address-inside"],
            "Attached to alpine1, show its interfaces",
            """
            d manager network disconnect bridge alpine1
            d manager run -d --name filler swarm-lab/busybox:debian sleep 600
            d manager network connect bridge alpine1
            """,
            {"Verify | Wait until every host has let go of everything": "d manager rm -f filler"},
        ),
        Mutation(
            ["container-and-service.ping-by-address"],
            "Attached to alpine1, ping alpine2 by its address",
            "d manager network disconnect bridge alpine2",
        ),
        Mutation(
            ["container-and-service.detach-leaves-running"],
            "On host1, look whether alpine1 goes on running",
            "d manager kill alpine1",
        ),
    ],
]
SERVICE_VARIABLES = {
    "stage_container_and_service_patience": 2,
    "stage_container_and_service_removal": 5,
}

LOOK = "Verify | Look at every engine and its part in the swarm"
END = "Verify | The swarm's ports are closed to a host outside the swarm"
CREATE_SWARM = [
    [
        Mutation(
            ["create-swarm.nodes-ready"],
            LOOK,
            "d manager node update --availability drain worker-1",
            {END: "d manager node update --availability active worker-1"},
        ),
    ],
]
CREATE_SWARM_VARIABLES = {"stage_create_swarm_deadline": 2}

STAGES = (
    ("create-swarm", CREATE_SWARM, CREATE_SWARM_VARIABLES, 1),
    ("default-overlay", DEFAULT, DEFAULT_VARIABLES, 0),
    ("user-defined-overlay", USER_DEFINED, USER_DEFINED_VARIABLES, 1),
    ("standalone-containers", STANDALONE, STANDALONE_VARIABLES, 0),
    ("container-and-service", SERVICE, SERVICE_VARIABLES, 0),
)
"""Stage, groups of mutations, variables of its walk, and how many of the groups belong to the ordinary tests."""


def cases(*, ordinary: bool) -> list:
    """Return the groups of mutations that belong to the ordinary tests, or the others; a group is one walk."""
    return [
        pytest.param((stage, mutations, variables), id=f"{stage}-{number}")
        for stage, groups, variables, few in STAGES
        for number, mutations in enumerate(groups, 1)
        if (number <= few) == ordinary
    ]


@pytest.mark.parametrize("case", cases(ordinary=True))
def test_exactly_the_claims_that_are_broken_fail(
    lab: Cli, inventory, tmp_path: Path, case: tuple[str, Sequence[Mutation], dict]
):
    break_and_see(lab, inventory, tmp_path, case)


def break_and_see(lab: Cli, inventory, tmp_path: Path, case: tuple[str, Sequence[Mutation], dict]) -> None:
    """Walk through a stage while a group of mutations breaks what claims are about; exactly those fail."""
    stage, mutations, variables = case
    hosts = inventory(["manager"], ["worker-1", "worker-2"], **variables)
    result, _ = sabotage.run(lab, stage, mutations, tmp_path, "-i", str(hosts))
    broken = {claim for mutation in mutations for claim in mutation.claims}
    failed = sabotage.failures(result)
    assert set(failed) == broken
    assert all(claim["expected"] != claim["observed"] for claim in failed.values())
    assert result["exit_code"] == 1
