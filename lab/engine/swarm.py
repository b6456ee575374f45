"""A swarm: form it, join it, leave it, look at it (Engine API: /swarm, /nodes, /info).

The join token goes from a manager's API to the joining engine's API inside one call and nowhere else: never
into a result, a log line, an argument list or a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from lab.engine.change import Change, command_line
from lab.engine.client import Engine, NotFound, reported
from lab.engine.ownership import OWNER_LABEL
from lab.errors import InvalidInput, LabError
from lab.polling import until

PORT = 2377
ROTATED_LABEL = "swarm-lab.tokens-rotated-for"
GIVEN_LABEL = "swarm-lab.node-labels"
"""The label of a node that names the labels which the lab gave it."""

Foreign = Literal["adopted", "refused", "left"]
"""What becomes of a swarm that the lab did not form and a host belongs to."""

_TRIES = 5
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


def summary(member: Membership) -> dict[str, Any]:
    """Return a membership as a change shows it."""
    return {
        "state": member.state,
        "role": ("manager" if member.manager else "worker") if member.node_id else "",
    }


def settled(engine: Engine, deadline_s: float) -> Membership:
    """Return the membership once it is no longer on its way: a restarted node is ``pending`` for a moment."""
    return until(
        lambda: membership(engine), lambda member: member.state != "pending", deadline_s=deadline_s, every_s=0.05
    )[0]


def own_cluster(engine: Engine, lab: str) -> str:
    """Return the id of the swarm that this engine manages, where the lab formed it; else an empty string."""
    member = membership(engine)
    if member.state != "active" or not member.manager:
        return ""
    with reported("inspect the swarm"):
        labels = engine.inspect_swarm()["Spec"].get("Labels") or {}
    return member.cluster_id if labels.get(OWNER_LABEL) == lab else ""


def ensure_initialised(
    engine: Engine,
    *,
    lab: str,
    advertise: str,
    data_path: str = "",
    data_path_port: int = 0,
    address_pools: Sequence[str] = (),
    foreign: Foreign = "adopted",
    check: bool,
) -> Change:
    """Make this engine the first manager of a swarm of the lab; one that manages such a swarm stays as it is.

    ``foreign`` says what becomes of a swarm that the lab did not form. Raises InvalidInput where that is refused, and
    where the engine is a worker of some swarm: its managers are elsewhere.
    """
    options = ["--data-path-addr", data_path] if data_path else []
    options += ["--data-path-port", str(data_path_port)] if data_path_port else []
    options += [word for pool in address_pools for word in ("--default-addr-pool", pool)]
    command = command_line("docker", "swarm", "init", "--advertise-addr", advertise, *options)
    member = settled(engine, 10)
    before = summary(member)
    ours = member.manager and (foreign == "adopted" or own_cluster(engine, lab) != "")
    if member.state == "active" and ours:
        return Change(before, before, command, output=member.node_id)
    if member.state == "active" and foreign != "left":
        raise _another(member)
    after = {"state": "active", "role": "manager"}
    actions = (*_leaves(member), "initialise a swarm")
    told = _told(member, after)
    if check:
        return Change(*told, command, actions)
    if member.state != "inactive":
        leave(engine)
    with reported("swarm init"):
        node_id = engine.init_swarm(
            advertise_addr=advertise,
            listen_addr=f"0.0.0.0:{PORT}",
            swarm_spec={"Name": "default", "Labels": {OWNER_LABEL: lab}},
            default_addr_pool=list(address_pools) or None,
            data_path_addr=data_path or None,
            data_path_port=data_path_port or None,
        )
    return Change(*told, command, actions, str(node_id))


def _another(member: Membership) -> InvalidInput:
    """Return the complaint that an engine belongs to a swarm that is not the lab's."""
    if not member.manager:
        return InvalidInput(
            f"is a worker of a swarm already (node {member.node_id})",
            hint="docker swarm leave there, or make it a worker",
        )
    return InvalidInput(
        f"manages swarm {member.cluster_id}, which is not this lab's",
        hint="docker swarm leave --force there, or swarm_foreign: left in the inventory",
    )


def _told(member: Membership, after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a node before and after; one that leaves another swarm first is told apart by its id there."""
    before = summary(member)
    if member.state != "active":
        return before, dict(after)
    return {**before, "node": member.node_id}, {**after, "node": "new"}


def _leaves(member: Membership) -> tuple[str, ...]:
    return (f"leave swarm {member.cluster_id}".rstrip(),) if member.state == "active" else ()


def ensure_joined(
    engine: Engine,
    manager: Engine | None,
    *,
    advertise: str,
    remotes: Sequence[str],
    role: str,
    data_path: str = "",
    foreign: Foreign = "refused",
    check: bool,
) -> Change:
    """Make this engine a node of the swarm that ``manager`` manages, with the role asked for.

    An engine that is on its way into a swarm which does not know it (an earlier join that was cut off) leaves
    first; so does a node of another swarm where ``foreign`` is ``left``, else that raises InvalidInput. Raises
    LabError where the join fails; the half member that the engine makes of itself then is taken back.
    """
    command = JOIN_COMMAND.format(own=advertise, manager=remotes[0])
    member = membership(engine)
    if member.state == "pending" and member.node_id and knows(manager, member.node_id):
        member = settled(engine, 20)
    before = summary(member)
    after = {"state": "active", "role": role}
    if member.state == "active" and knows(manager, member.node_id):
        return Change(before, before, command, output=member.node_id)
    if member.state == "active" and foreign != "left":
        raise InvalidInput(
            f"is node {member.node_id} of another swarm{f' ({member.cluster_id})' * bool(member.cluster_id)}",
            hint="docker swarm leave --force there, or lab down",
        )
    actions = (*_leaves(member), f"join as {role}")
    told = _told(member, after)
    if check:
        return Change(*told, command, actions)
    if manager is None:
        raise LabError("there is no manager to join")
    if member.state != "inactive":
        leave(engine)
    _join(engine, manager, advertise=advertise, data_path=data_path, remotes=remotes, role=role)
    return Change(*told, command, actions, "This node joined a swarm as a " + role)


def _join(
    engine: Engine, manager: Engine, *, advertise: str, data_path: str, remotes: Sequence[str], role: str
) -> None:
    with reported("join token"):
        token = manager.inspect_swarm()["JoinTokens"][role.capitalize()]
    try:
        with reported("swarm join"):
            engine.join_swarm(
                list(remotes),
                token,
                listen_addr=f"0.0.0.0:{PORT}",
                advertise_addr=advertise,
                data_path_addr=data_path or None,
            )
    except LabError as error:
        stuck = membership(engine).state
        leave(engine)
        message = error.message.replace(token, "<token>")
        raise LabError(f"{message} (it was {stuck}, and has left again)") from None


def knows(manager: Engine | None, node_id: str) -> bool:
    """Tell whether a manager's swarm has a node of that id."""
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
    before = summary(member)
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
    """Remove nodes that are down and whose host name a ready node of this lab bears; managers are demoted first."""
    seen = nodes(manager)
    living = {node.hostname for node in seen if node.state == "ready"} & set(hostnames)
    ghosts = [node for node in seen if node.state == "down" and node.hostname in living]
    demoted = [node.id for node in ghosts if node.role == "manager"]
    commands = [command_line("docker", "node", "demote", *demoted)] if demoted else []
    commands += [command_line("docker", "node", "rm", "--force", *(node.id for node in ghosts))] if ghosts else []
    if not check:
        for node in ghosts:
            remove_node(manager, node)
    before = {"ghosts": [f"{node.hostname} {node.id}" for node in ghosts]}
    actions = tuple(f"remove node {node.id} ({node.hostname}, down)" for node in ghosts)
    return Change(before, {"ghosts": []}, "; ".join(commands), actions)


def remove_node(manager: Engine, node: Node) -> None:
    """Take a node off the swarm's list, whatever state it is in; a manager is demoted first."""
    if node.role == "manager":
        change_node(manager, node.id, {"Role": "worker"})
    with reported(f"remove node {node.id}"):
        manager.remove_node(node.id, force=True)


def change_node(manager: Engine, node_id: str, changes: Mapping[str, Any]) -> None:
    """Change parts of a node's specification; tries again where somebody else changed it meanwhile."""
    for attempt in range(_TRIES):
        with reported(f"inspect node {node_id}"):
            found = manager.inspect_node(node_id)
        try:
            with reported(f"update node {node_id}"):
                manager.update_node(node_id, found["Version"]["Index"], cast("Any", {**found["Spec"], **changes}))
        except LabError as error:
            if "out of sequence" not in error.message or attempt == _TRIES - 1:
                raise
        else:
            return


def ensure_labelled(manager: Engine, labels: Mapping[str, Mapping[str, str]], *, check: bool) -> Change:
    """Give nodes (by host name) their labels; those that an earlier call gave and nobody asks for any more go.

    Labels of anybody else's on the nodes stay as they are.
    """
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for node in nodes(manager):
        with reported(f"inspect node {node.id}"):
            standing = dict(manager.inspect_node(node.id)["Spec"].get("Labels") or {})
        wanted = {name: str(value) for name, value in labels.get(node.hostname, {}).items()}
        given = [name for name in standing.get(GIVEN_LABEL, "").split(",") if name]
        own = {GIVEN_LABEL: ",".join(sorted(wanted))} if wanted else {}
        kept = {name: value for name, value in standing.items() if name not in (*given, GIVEN_LABEL)}
        target = {**kept, **wanted, **own}
        if standing != target:
            before[node.hostname], after[node.hostname] = standing, target
            if not check:
                change_node(manager, node.id, {"Labels": target})
    words = (
        command_line(
            "docker", "node", "update", *(f"--label-add={k}={v}" for k, v in labels.get(host, {}).items()), host
        )
        for host in after
    )
    return Change(before, after, "; ".join(words), tuple(f"label node {host}" for host in after))


def wait_ready(manager: Engine, hostnames: Sequence[str], deadline_s: float) -> tuple[list[str], float]:
    """Wait until each host name is borne by a ready node; return those that are not, and the seconds waited."""
    return until(
        lambda: sorted(set(hostnames) - {node.hostname for node in nodes(manager) if node.state == "ready"}),
        lambda missing: not missing,
        deadline_s=deadline_s,
        every_s=0.02,
    )
