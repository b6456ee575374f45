"""The swarm's ports: open between its hosts, shut to everybody else, and what becomes of a swarm without them."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from lab.firewall import knock, nftables
from tests.integration.command import Cli, verdicts

ADDRESSES = {"manager": "198.18.0.11", "worker-1": "198.18.0.12", "worker-2": "198.18.0.13"}
OUTSIDER = "198.18.0.254"
TCP = ("2377/tcp", "7946/tcp")


def _tcp(cli: Cli, source: str, target: str) -> dict[str, bool]:
    ports = TCP if target == "manager" else TCP[1:]
    script = knock.script([knock.Target(target, ADDRESSES[target], ports)], 1)
    output = cli.outside(script) if source == "outsider" else cli.on(source, script).out
    return knock.parse(output)[target]


def _refused(cli: Cli, host: str) -> dict[str, int]:
    return nftables.refused(cli.on(host, "nft list table inet filter").out)


@pytest.mark.parametrize("target", ADDRESSES)
def test_tcp_ports_are_open_to_swarm_hosts_and_shut_to_an_outsider(lab: Cli, target: str):
    for source in set(ADDRESSES) - {target}:
        assert all(_tcp(lab, source, target).values())
    assert not any(_tcp(lab, "outsider", target).values())


@pytest.mark.parametrize("port", [4789, 7946])
def test_udp_ports_refuse_an_outsiders_datagrams(lab: Cli, port: int):
    before = _refused(lab, "worker-1")
    lab.outside(f"bash -c 'printf x >/dev/udp/{ADDRESSES['worker-1']}/{port}'")
    assert _refused(lab, "worker-1")[f"{port}/udp"] == before[f"{port}/udp"] + 1


def _sent_from(pid: int, source: str, target: str, payload: bytes, tmp_path: Path) -> None:
    """Send a UDP datagram to the VXLAN port with any source address, from the segment's namespace."""
    program = tmp_path / "forge.py"
    program.write_text(
        "import socket, struct, sys\n"
        "source, target, payload = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])\n"
        "raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)\n"
        "udp = struct.pack('!HHHH', 40000, 4789, 8 + len(payload), 0) + payload\n"
        "head = struct.pack('!BBHHHBBH4s4s', 69, 0, 0, 1, 0, 64, 17, 0,"
        " socket.inet_aton(source), socket.inet_aton(target))\n"
        "raw.sendto(head + udp, (target, 0))\n"
    )
    subprocess.run(
        ["nsenter", "-t", str(pid), "-n", sys.executable, program, source, target, payload.hex()], check=True
    )


def _vxlan_ping(vni: int, mac: str, target: str) -> bytes:
    """Return a VXLAN frame with an ICMP echo request for a container: RFC 7348 header, Ethernet, IPv4, ICMP."""
    icmp = struct.pack("!BBHHH", 8, 0, 0, 77, 1)
    icmp = struct.pack("!BBHHH", 8, 0, _checksum(icmp), 77, 1)
    addresses = bytes(map(int, ["10", "0", "1", "250"])) + bytes(map(int, target.split(".")))
    head = struct.pack("!BBHHHBBH", 69, 0, 20 + len(icmp), 1, 0, 64, 1, 0) + addresses
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    ethernet = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("02420a0001fa") + b"\x08\x00"
    return struct.pack("!BBHI", 8, 0, 0, vni << 8) + ethernet + head + icmp


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _icmp_in(cli: Cli, host: str) -> int:
    """Return the ICMP messages that a host's container has received (/proc/net/snmp)."""
    text = cli.run("docker", host, "--", "exec", f"ping-{host}", "cat", "/proc/net/snmp").out
    names, values = [line.split()[1:] for line in text.splitlines() if line.startswith("Icmp:")]
    return int(dict(zip(names, values, strict=True))["InMsgs"])


@pytest.mark.parametrize("source", [OUTSIDER, ADDRESSES["manager"]], ids=["own address", "a swarm host's address"])
def test_forged_vxlan_does_not_reach_a_container(lab: Cli, tmp_path: Path, source: str):
    network = lab.engine("manager").inspect_network("cross-host-ping")
    vni = int(network["Options"]["com.docker.network.driver.overlay.vxlanid_list"])
    container = lab.engine("worker-1").inspect_container("ping-worker-1")
    endpoint = container["NetworkSettings"]["Networks"]["cross-host-ping"]
    frame = _vxlan_ping(vni, endpoint["MacAddress"], endpoint["IPAddress"])
    before = _icmp_in(lab, "worker-1")
    switch = _switch(lab)
    for _ in range(3):
        _sent_from(switch, source, ADDRESSES["worker-1"], frame, tmp_path)
    assert _icmp_in(lab, "worker-1") == before
    lab.on("worker-1", "nft insert rule inet filter input udp dport 4789 accept")
    try:
        _sent_from(switch, OUTSIDER, ADDRESSES["worker-1"], frame, tmp_path)
        assert _icmp_in(lab, "worker-1") > before, "the frame would not have arrived anyway: the test proves nothing"
    finally:
        listing = lab.on("worker-1", "nft -a list chain inet filter input").out
        handle = next(line for line in listing.splitlines() if "udp dport 4789 accept" in line).split()[-1]
        assert lab.on("worker-1", f"nft delete rule inet filter input handle {handle}").code == 0


def _switch(cli: Cli) -> int:
    from lab.hosts import segment, state

    record = state.read(cli.paths)
    assert record is not None
    return record.processes[segment.SWITCH].pid


def test_the_ports_are_taken_back_as_they_were_opened(lab: Cli):
    before = _plain(lab)
    assert lab.run("up").code == 0
    assert _plain(lab) == before
    listing = lab.on("worker-2", "nft -a list table inet filter").out
    place = nftables.places(lab.on("worker-2", "nft -j list chains").out)[0]
    script = nftables.render_removal(place, listing)
    assert lab.on("worker-2", f"nft -f - <<'RULES'\n{script}RULES\n").code == 0
    assert "swarm_" not in lab.on("worker-2", "nft list table inet filter").out
    assert lab.json("up")["changed"] == 1
    assert _plain(lab) == before


def _plain(cli: Cli) -> dict:
    return nftables.standing(cli.on("worker-2", "nft list table inet filter").out)


def close(cli: Cli, host: str, what: str) -> None:
    assert cli.on(host, f"nft insert rule inet filter input {what} drop").code == 0


def reopen(cli: Cli, host: str) -> None:
    listing = cli.on(host, "nft -a list chain inet filter input").out
    for line in listing.splitlines():
        if line.strip().split(" # ")[0].endswith("drop") and "dport" in line:
            assert cli.on(host, f"nft delete rule inet filter input handle {line.split()[-1]}").code == 0


def test_with_only_4789_closed_nodes_are_ready_and_the_ping_fails(lab: Cli, inventory):
    hosts = inventory(["manager"], ["worker-1", "worker-2"], cross_host_ping_deadline=3)
    close(lab, "worker-1", "udp dport 4789")
    try:
        result = lab.json("verify", "-i", str(hosts), code=1)
    finally:
        reopen(lab, "worker-1")
    found = verdicts(result)
    assert found["create-swarm.nodes-ready"] == "pass"
    assert found["create-swarm.ports-open"] == "fail"
    assert found["cross-host-ping.manager.worker-1"] == "fail"
    assert found["cross-host-ping.manager.worker-2"] == "pass"
    ports = next(claim for claim in result["claims"] if claim["id"] == "create-swarm.ports-open")
    assert ports["observed"] == ["manager to worker-1 4789/udp", "worker-2 to worker-1 4789/udp"]
    assert set(verdicts(lab.json("verify")).values()) == {"pass"}
