"""A swarm: form it, join it, leave it, look at it (Engine API: /swarm, /nodes, /info).

The join token goes from a manager's API to the joining engine's API inside one call and nowhere else: never
into a result, a log line, an argument list or a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.engine.change import Change, command_line
from lab.engine.client import Engine, NotFound, reported
from lab.errors import InvalidInput, LabError
from lab.polling import until

PORT = 2377
ROTATED_LABEL = "swarm-lab.tokens-rotated-for"
JOIN_COMMAND = "docker swarm join --token <token> --advertise-addr {own} {manager}"


@dataclass(frozen=True)
class Membership:
    """An engine's own view of its swarm: ``inactive``, ``pending``, ``active``, ``error`` or ``locked``."""

    state: str
    node_id: str
    address: str
    manager: bool
    cluster_id: str
    error: str = ""


@dataclass(frozen=True)
class Node:
    """A node as the managers see it (``docker node ls``)."""

    id: str
    hostname: str
    role: str
    state: str
    availability: str
    leader: bool
    address: str


def membership(engine: Engine) -> Membership:
    """Return the engine's own view of its swarm."""
    with reported("engine information"):
        swarm = engine.info()["Swarm"]
    return Membership(
        state=swarm["LocalNodeState"],
        node_id=swarm.get("NodeID", ""),
        address=swarm.get("NodeAddr", ""),
        manager=swarm.get("ControlAvailable", False),
        cluster_id=(swarm.get("Cluster") or {}).get("ID", ""),
        error=swarm.get("Error", ""),
    )


def nodes(manager: Engine) -> list[Node]:
    """Return the swarm's nodes, as a manager sees them, by host name."""
    with reported("list nodes"):
        found = manager.nodes()
    listed = [
        Node(
            id=node["ID"],
            hostname=node["Description"].get("Hostname", "?"),
            role=node["Spec"]["Role"],
            state=node["Status"]["State"],
            availability=node["Spec"]["Availability"],
            leader=(node.get("ManagerStatus") or {}).get("Leader", False),
            address=node["Status"].get("Addr", ""),
        )
        for node in found
    ]
    return sorted(listed, key=lambda node: (node.role, node.hostname, node.id))


def _summary(member: Membership) -> dict[str, Any]:
    return {
        "state": member.state,
        "role": ("manager" if member.manager else "worker") if member.node_id else "",
    }


def settled(engine: Engine, deadline_s: float) -> Membership:
    """Return the membership once it is no longer on its way: a restarted node is ``pending`` for a moment."""
    return until(
        lambda: membership(engine), lambda member: member.state != "pending", deadline_s=deadline_s, every_s=0.05
    )[0]


def ensure_initialised(engine: Engine, *, advertise: str, data_path_port: int, check: bool) -> Change:
    """Make this engine the first manager of a swarm; one that manages a swarm already stays as it is.

    Raises InvalidInput where the engine is a worker of some swarm: its managers are elsewhere.
    """
    port = ("--data-path-port", str(data_path_port)) if data_path_port else ()
    command = command_line("docker", "swarm", "init", "--advertise-addr", advertise, *port)
    member = settled(engine, 10)
    before = _summary(member)
    if member.state == "active" and member.manager:
        return Change(before, before, command, output=member.node_id)
    if member.state == "active":
        raise InvalidInput("is a worker of a swarm already", hint="docker swarm leave there, or make it a worker")
    after = {"state": "active", "role": "manager"}
    if check:
        return Change(before, after, command, ("initialise a swarm",))
    if member.state != "inactive":
        leave(engine)
    with reported("swarm init"):
        node_id = engine.init_swarm(
            advertise_addr=advertise, listen_addr=f"0.0.0.0:{PORT}", data_path_port=data_path_port or None
        )
    return Change(before, after, command, ("initialise a swarm",), str(node_id))


def ensure_joined(
    engine: Engine, manager: Engine | None, *, advertise: str, remotes: Sequence[str], role: str, check: bool
) -> Change:
    """Make this engine a node of the swarm that ``manager`` manages, with the role asked for.

    An engine that is on its way into a swarm which does not know it (an earlier join that was cut off) leaves
    first. Raises InvalidInput where it is a node of another swarm, LabError where the join fails; the half
    member that the engine makes of itself then is taken back.
    """
    command = JOIN_COMMAND.format(own=advertise, manager=remotes[0])
    member = membership(engine)
    if member.state == "pending" and member.node_id and _knows(manager, member.node_id):
        member = settled(engine, 20)
    before = _summary(member)
    after = {"state": "active", "role": role}
    if member.state == "active":
        if not _knows(manager, member.node_id):
            raise InvalidInput(
                f"is node {member.node_id} of another swarm",
                hint="docker swarm leave --force there, or lab down",
            )
        return Change(before, before, command, output=member.node_id)
    if check:
        return Change(before, after, command, (f"join as {role}",))
    if manager is None:
        raise LabError("there is no manager to join")
    if member.state != "inactive":
        leave(engine)
    _join(engine, manager, advertise, remotes, role)
    return Change(before, after, command, (f"join as {role}",), "This node joined a swarm as a " + role)


def _join(engine: Engine, manager: Engine, advertise: str, remotes: Sequence[str], role: str) -> None:
    with reported("join token"):
        token = manager.inspect_swarm()["JoinTokens"][role.capitalize()]
    try:
        with reported("swarm join"):
            engine.join_swarm(list(remotes), token, listen_addr=f"0.0.0.0:{PORT}", advertise_addr=advertise)
    except LabError as error:
        stuck = membership(engine).state
        leave(engine)
        message = error.message.replace(token, "<token>")
        raise LabError(f"{message} (it was {stuck}, and has left again)") from None


def _knows(manager: Engine | None, node_id: str) -> bool:
    if manager is None:
        return False
    with reported("list nodes"):
        try:
            manager.inspect_node(node_id)
        except NotFound:
            return False
    return True


def leave(engine: Engine) -> None:
    """Make the engine leave whatever swarm it is in or on its way to (``docker swarm leave --force``)."""
    with reported("swarm leave"):
        engine.leave_swarm(force=True)


def ensure_left(engine: Engine, *, check: bool) -> Change:
    """Make sure that the engine is in no swarm."""
    command = command_line("docker", "swarm", "leave", "--force")
    member = membership(engine)
    before = _summary(member)
    if member.state == "inactive":
        return Change(before, before, command)
    if not check:
        leave(engine)
    return Change(before, {"state": "inactive", "role": ""}, command, ("leave the swarm",), "Node left the swarm.")


def rotate_tokens(manager: Engine, *, check: bool) -> Change:
    """Make both join tokens worthless once everyone has joined; the new ones are told to nobody.

    A label on the swarm remembers for which members that was done, so that a run which was cut off between
    joining and rotating is made good by the next.
    """
    command = "docker swarm join-token --rotate worker; docker swarm join-token --rotate manager"
    with reported("rotate join tokens"):
        swarm = manager.inspect_swarm()
        members = hashlib.sha256(" ".join(sorted(node["ID"] for node in manager.nodes())).encode()).hexdigest()[:16]
        labels = swarm["Spec"].get("Labels") or {}
        before, after = {"rotated_for": labels.get(ROTATED_LABEL, "")}, {"rotated_for": members}
        if before != after and not check:
            manager.update_swarm(
                version=swarm["Version"]["Index"],
                swarm_spec={**swarm["Spec"], "Labels": {**labels, ROTATED_LABEL: members}},
                rotate_worker_token=True,
                rotate_manager_token=True,
            )
    return Change(before, after, command, ("rotate the join tokens",))


def remove_ghosts(manager: Engine, hostnames: Sequence[str], *, check: bool) -> Change:
    """Remove nodes that are down and whose host name another, ready node of this lab bears."""
    seen = nodes(manager)
    living = {node.hostname for node in seen if node.state == "ready"} & set(hostnames)
    ghosts = [node for node in seen if node.state == "down" and node.hostname in living and node.role == "worker"]
    command = command_line("docker", "node", "rm", "--force", *(node.id for node in ghosts)) if ghosts else ""
    if not check:
        for node in ghosts:
            with reported(f"remove node {node.id}"):
                manager.remove_node(node.id, force=True)
    before = {"ghosts": [f"{node.hostname} {node.id}" for node in ghosts]}
    actions = tuple(f"remove node {node.id} ({node.hostname}, down)" for node in ghosts)
    return Change(before, {"ghosts": []}, command, actions)


def wait_ready(manager: Engine, hostnames: Sequence[str], deadline_s: float) -> tuple[list[str], float]:
    """Wait until each host name is borne by a ready node; return those that are not, and the seconds waited."""
    return until(
        lambda: sorted(set(hostnames) - {node.hostname for node in nodes(manager) if node.state == "ready"}),
        lambda missing: not missing,
        deadline_s=deadline_s,
        every_s=0.02,
    )
