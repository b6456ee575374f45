"""Services, as far as no engine is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.engine.service import Published, ServiceSpec, ports, summary, virtual_addresses

WEB = ServiceSpec("web", "unit", "nginx", replicas=3)
MESH = Published(8080, 80)
HOST = Published(8080, 80, "host")
NAMES = {"id-1": "my-net", "id-2": "a-net"}


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            ServiceSpec("my-nginx", "unit", "nginx", replicas=5, networks=("nginx-net",), publish=(Published(80, 80),)),
            "docker service create --name my-nginx --publish published=80,target=80 --replicas=5 "
            "--network nginx-net nginx",
        ),
        (
            ServiceSpec("my-nginx", "unit", "nginx", replicas=None, publish=(HOST, Published(53, 53, protocol="udp"))),
            "docker service create --name my-nginx --publish mode=host,published=8080,target=80 "
            "--publish published=53,target=53,protocol=udp --mode global nginx",
        ),
        (
            ServiceSpec("web", "unit", "alpine", ("sh", "-c", "exit 3"), endpoint_mode="dnsrr"),
            "docker service create --name web --replicas=1 --endpoint-mode dnsrr alpine sh -c 'exit 3'",
        ),
        (
            ServiceSpec("web", "unit", "nginx", update_order="start-first", update_parallelism=0),
            "docker service create --name web --replicas=1 --update-order start-first --update-parallelism 0 nginx",
        ),
    ],
)
def test_a_service_is_created_as_the_tutorial_types_it(spec: ServiceSpec, line: str):
    assert spec.command_line() == line


@pytest.mark.parametrize(
    ("before", "after", "options"),
    [
        ({"networks": ("a", "b")}, {"networks": ("b", "c")}, "--network-add c --network-rm a"),
        ({}, {"publish": (MESH,)}, "--publish-add published=8080,target=80"),
        ({"publish": (MESH,)}, {}, "--publish-rm 80"),
        (
            {"publish": (MESH,)},
            {"publish": (HOST,)},
            "--publish-add mode=host,published=8080,target=80 --publish-rm 80",
        ),
        ({"publish": (HOST,)}, {}, "--publish-rm mode=host,published=8080,target=80"),
        ({"publish": (Published(53, 53, protocol="udp"),)}, {}, "--publish-rm published=53,target=53,protocol=udp"),
        ({}, {"image": "nginx:2"}, "--image nginx:2"),
        ({}, {"image": "nginx:2", "replicas": 1}, "--replicas 1 --image nginx:2"),
        ({}, {"command": ("sh", "-c", "exit 3")}, """--args 'sh -c '"'"'exit 3'"'"''"""),
        ({"command": ("sleep", "600")}, {}, "--args="),
        ({}, {"endpoint_mode": "dnsrr"}, "--endpoint-mode dnsrr"),
        ({}, {"update_order": "start-first"}, "--update-order start-first"),
        ({}, {"update_parallelism": 2}, "--update-parallelism 2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_service_is_updated_by_the_options_that_differ(before: dict[str, Any], after: dict[str, Any], options: str):
    standing, wanted = replace(WEB, **before), replace(WEB, **after)
    assert wanted.update_line(standing.wanted()) == f"docker service update {options} web"


@pytest.mark.parametrize("replicas", [0, 1, 5])
def test_where_only_the_number_differs_a_service_is_scaled(replicas: int):
    assert replace(WEB, replicas=replicas).update_line(WEB.wanted()) == f"docker service scale web={replicas}"


def inspected(
    mode: dict[str, Any], template: dict[str, Any], endpoint: dict[str, Any] | None = None, **update: object
) -> dict:
    return {"Spec": {"Mode": mode, "TaskTemplate": template, "EndpointSpec": endpoint, "UpdateConfig": update or None}}


BARE = inspected({"Global": {}}, {"ContainerSpec": {"Image": "nginx"}})
FULL = inspected(
    {"Replicated": {"Replicas": 3}},
    {"ContainerSpec": {"Image": "nginx", "Args": ["-g"]}, "Networks": [{"Target": "id-1"}, {"Target": "id-2"}]},
    {
        "Mode": "dnsrr",
        "Ports": [
            {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "host"},
            {"Protocol": "udp", "TargetPort": 53},
        ],
    },
    Order="start-first",
    Parallelism=2,
)


@pytest.mark.parametrize(
    ("found", "spec"),
    [
        (BARE, ServiceSpec("web", "unit", "nginx", replicas=None)),
        (
            FULL,
            ServiceSpec(
                "web",
                "unit",
                "nginx",
                ("-g",),
                replicas=3,
                networks=("my-net", "a-net"),
                publish=(HOST, Published(0, 53, protocol="udp")),
                endpoint_mode="dnsrr",
                update_order="start-first",
                update_parallelism=2,
            ),
        ),
    ],
    ids=["only what must be there", "everything"],
)
def test_the_summary_of_a_service_is_what_its_specification_wants(found: dict, spec: ServiceSpec):
    assert summary(found, NAMES) == spec.wanted()


def test_an_absent_service_has_an_empty_summary():
    assert summary(None, NAMES) == {}


def test_a_network_that_has_gone_is_told_by_its_id():
    assert summary(FULL, {"id-1": "my-net"})["networks"] == ["id-2", "my-net"]


@pytest.mark.parametrize(
    ("found", "told"), [(BARE, []), (FULL, ["8080->80/tcp host", "0->53/udp ingress"])], ids=["none", "two"]
)
def test_ports_are_told_with_protocol_and_mode(found: dict, told: list[str]):
    assert [str(port) for port in ports(found)] == told


@pytest.mark.parametrize(
    ("endpoint", "found"),
    [
        ({}, {}),
        ({"Endpoint": {}}, {}),
        ({"Endpoint": {"VirtualIPs": [{"NetworkID": "id-1", "Addr": "10.0.1.2/24"}]}}, {"my-net": "10.0.1.2/24"}),
        ({"Endpoint": {"VirtualIPs": [{"NetworkID": "id-3"}]}}, {"id-3": ""}),
    ],
)
def test_a_service_has_a_virtual_address_on_each_network(endpoint: dict, found: dict[str, str]):
    assert virtual_addresses(endpoint, NAMES) == found
