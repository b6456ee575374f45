"""Rules, judged by the real nft in a network namespace that is thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.firewall import nftables
from lab.firewall.nftables import Place
from lab.firewall.ports import Opening

INET = Place("inet", "filter", "input")
IPV4 = Place("ip", "filter", "INPUT")
TABLES = {
    INET: """\
table inet filter {
    set friends { type ipv4_addr; elements = { 192.0.2.1 }; }
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif "lo" udp dport 53 accept
        ip saddr @friends tcp dport 22 counter accept
    }
    chain forward { type filter hook forward priority filter; policy drop; }
    chain output { type filter hook output priority filter; policy accept; }
}
""",
    IPV4: """\
table ip filter {
    chain INPUT {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        tcp dport 22 accept
    }
}
""",
}
PEERS = ("198.18.0.12", "198.18.0.9", "198.18.0.100")
OPENINGS = {
    "a manager": Opening(PEERS, manager=True),
    "a worker": Opening(PEERS, manager=False),
    "alone": Opening((), manager=True),
    "another data path": Opening(PEERS, manager=False, data_path_port=9789),
    "encrypted": Opening(PEERS, manager=True, encrypted=True),
    "thirty hosts": Opening(tuple(f"198.18.0.{n}" for n in range(11, 41)), manager=True),
}
each_place = pytest.mark.parametrize("place", TABLES, ids=str)
each_opening = pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS.keys())


class Host:
    """A network namespace with a firewall of its own."""

    def __init__(self, pid: int) -> None:
        self._enter = ("nsenter", "-t", str(pid), "-n")

    def run(self, *command: str, text: str = "") -> str:
        done = subprocess.run([*self._enter, *command], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, rules: str) -> None:
        self.run("nft", "-f", "-", text=rules)

    def listing(self, place: Place) -> str:
        """Return the table with handles, as rendering needs it."""
        nft, *rest = ("nft", "list", "table", place.family, place.table)
        return self.run(nft, "-a", *rest)

    def plain(self, place: Place) -> str:
        """Return the table as a person sees it."""
        return self.run("nft", "list", "table", place.family, place.table)

    def open(self, place: Place, opening: Opening) -> str:
        """Bring an opening about and return the table."""
        self.apply(nftables.render(place, opening, self.listing(place)))
        return self.listing(place)

    def own_etc(self) -> Path:
        """Return a folder that ``shell`` has as its /etc."""
        self._etc = Path(tempfile.mkdtemp())
        return self._etc

    def shell(self, script: str) -> None:
        """Run a shell script with an /etc of its own."""
        inside = 'mount --bind "$0" /etc && exec sh -ec "$1"'
        self.run("unshare", "--mount", "sh", "-ec", inside, str(self._etc), script)

    def send(self, address: str, port: int, times: int) -> None:
        """Send datagrams over loopback."""
        self.run("bash", "-c", f"for n in $(seq {times}); do printf x >/dev/udp/{address}/{port}; done")


def lacking() -> str:
    """Return why no rule can be tried here; empty where one can."""
    if os.geteuid() != 0:
        return "network namespaces are root's; this user is not root"
    if missing := [program for program in ("unshare", "nsenter", "nft", "ip") if shutil.which(program) is None]:
        return f"not installed: {', '.join(missing)}"
    done = subprocess.run(["unshare", "-n", "nft", "list", "tables"], capture_output=True, text=True, check=False)
    return done.stderr.strip()


@pytest.fixture
def lone(host: Host) -> Host:
    """Return a namespace with one table only: a packet that another has dropped is counted by nobody."""
    host.run("nft", "delete table ip filter")
    return host


@pytest.fixture
def host() -> Iterator[Host]:
    """Return a namespace with both tables, and loopback up; its firewall goes with it."""
    if reason := lacking():
        pytest.skip(reason)
    script = "ip link set lo up && nft -f - && echo ready && exec sleep 60"
    with subprocess.Popen(
        ["unshare", "-n", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write("\n".join(TABLES.values()))
        process.stdin.close()
        try:
            assert process.stdout.readline() == "ready\n"
            yield Host(process.pid)
        finally:
            process.kill()


@each_place
@each_opening
def test_what_was_rendered_stands(host: Host, place: Place, opening: Opening):
    host.open(place, opening)
    assert nftables.standing(host.listing(place)) == nftables.wanted(opening)
    assert nftables.standing(host.plain(place)) == nftables.wanted(opening)


@each_place
@each_opening
def test_rendering_again_changes_nothing(host: Host, place: Place, opening: Opening):
    host.open(place, opening)
    before = host.plain(place)
    host.open(place, opening)
    assert host.plain(place) == before


@each_opening
def test_any_opening_takes_the_place_of_another(host: Host, opening: Opening):
    host.open(INET, OPENINGS["encrypted"])
    listing = host.open(INET, opening)
    assert nftables.standing(listing) == nftables.wanted(opening)


@each_place
@each_opening
def test_removal_leaves_the_table_as_it_was(host: Host, place: Place, opening: Opening):
    before = host.plain(place)
    listing = host.open(place, opening)
    host.apply(nftables.render_removal(place, listing))
    assert host.plain(place) == before


@each_place
def test_where_nothing_of_ours_stands_there_is_nothing_to_remove(host: Host, place: Place):
    assert nftables.render_removal(place, host.listing(place)) == ""


def test_a_set_that_only_sounds_like_ours_stays(host: Host):
    host.apply("add set inet filter swarm_friends { type ipv4_addr; elements = { 192.0.2.7 }; }\n")
    before = host.plain(INET)
    listing = host.open(INET, OPENINGS["a manager"])
    host.apply(nftables.render_removal(INET, listing))
    assert host.plain(INET) == before


def test_the_other_table_is_not_touched(host: Host):
    before = host.plain(IPV4)
    host.open(INET, OPENINGS["a manager"])
    assert host.plain(IPV4) == before


def test_our_rules_come_before_all_others(host: Host):
    listing = host.open(INET, OPENINGS["a manager"])
    chain = listing.split("chain input {")[1]
    assert chain.splitlines()[2].strip().startswith("jump swarm_ports")


@pytest.mark.parametrize("opening", ["a manager", "encrypted"])
def test_nothing_of_ours_is_not_what_is_wanted(host: Host, opening: str):
    standing = nftables.standing(host.listing(INET))
    assert standing == {"rules": [], "peers": {}, "used": 0, "counted": False}
    assert standing != nftables.wanted(OPENINGS[opening])


@pytest.mark.parametrize(
    "damage",
    [
        "delete element inet filter swarm_7946_udp { 198.18.0.12 }",
        "add element inet filter swarm_7946_udp { 198.18.0.77 }",
        "flush chain inet filter swarm_ports",
        "add rule inet filter swarm_ports accept",
        "insert rule inet filter swarm_ports udp dport 4789 drop",
        "flush chain inet filter input",
        "insert rule inet filter input jump swarm_ports",
        "delete chain inet filter swarm_ports_out",
    ],
)
def test_what_somebody_has_damaged_is_seen_and_made_good(host: Host, damage: str):
    opening = OPENINGS["a manager"]
    host.open(INET, opening)
    host.run("nft", damage)
    assert nftables.standing(host.listing(INET)) != nftables.wanted(opening)
    assert nftables.standing(host.open(INET, opening)) == nftables.wanted(opening)


def test_packets_are_counted_for_each_peer_and_way(lone: Host):
    lone.open(INET, Opening(("127.0.0.1", "127.0.0.2"), manager=False))
    lone.send("127.0.0.1", 4789, 3)
    lone.send("127.0.0.1", 7946, 2)
    counts = nftables.counts(lone.plain(INET))
    assert counts["swarm_4789_udp"] == {"127.0.0.1": 3, "127.0.0.2": 0}
    assert counts["swarm_4789_udp_out"] == {"127.0.0.1": 3, "127.0.0.2": 0}
    assert counts["swarm_7946_udp"] == {"127.0.0.1": 2, "127.0.0.2": 0}
    assert counts["swarm_7946_tcp"] == {"127.0.0.1": 0, "127.0.0.2": 0}
    assert set(nftables.refused(lone.plain(INET)).values()) == {0}


def test_packets_of_strangers_are_refused_and_counted(lone: Host):
    lone.open(INET, Opening(("198.18.0.12",), manager=False))
    lone.send("127.0.0.1", 4789, 3)
    assert nftables.refused(lone.plain(INET)) == {"7946/tcp": 0, "7946/udp": 0, "4789/udp": 3}
    assert nftables.counts(lone.plain(INET))["swarm_4789_udp"] == {"198.18.0.12": 0}


def test_counting_goes_on_while_nothing_is_changed(lone: Host):
    opening = Opening(("127.0.0.1",), manager=False)
    lone.open(INET, opening)
    lone.send("127.0.0.1", 4789, 1)
    assert nftables.standing(lone.listing(INET)) == nftables.wanted(opening)


def test_the_chains_that_drop_what_comes_in_are_found(host: Host):
    assert nftables.places(host.run(*nftables.LIST_CHAINS)) == [INET, IPV4]


@pytest.mark.parametrize(
    "harmless",
    ["chain inet filter input { policy accept; }", "table inet filter", "table ip6 nat"],
    ids=["it accepts", "it is gone", "unrelated"],
)
def test_a_chain_that_drops_nothing_needs_no_opening(host: Host, harmless: str):
    verb = "delete" if harmless == "table inet filter" else "add"
    host.run("nft", f"{verb} {harmless}")
    dropping = [INET, IPV4] if "nat" in harmless else [IPV4]
    assert nftables.places(host.run(*nftables.LIST_CHAINS)) == dropping


def test_one_chain_that_drops_is_the_place():
    assert nftables.require_place([INET]) == INET


def test_of_several_that_drop_none_can_be_chosen():
    with pytest.raises(LabError, match="inet filter input, ip filter INPUT"):
        nftables.require_place([INET, IPV4])


@each_opening
def test_rules_outlast_a_restart_where_the_hosts_configuration_asks_for_more(host: Host, opening: Opening):
    """A restart loads the configuration, its table anew, and then the files that it includes."""
    tool = nftables.Table(INET)
    etc = host.own_etc()
    asks = 'include "/etc/nftables.d/*.nft"\n'
    (etc / "nftables.conf").write_text(f"table inet filter\ndelete table inet filter\n{TABLES[INET]}{asks}")
    (etc / "nftables.d").mkdir()
    try:
        host.shell(tool.render(opening, host.listing(INET), ""))
        before = host.plain(INET)
        host.shell("nft -f /etc/nftables.conf")
        assert nftables.standing(host.listing(INET)) == nftables.wanted(opening)
        assert host.plain(INET) == before
        host.shell(tool.render_removal(host.listing(INET), ""))
        assert not list((etc / "nftables.d").iterdir())
    finally:
        shutil.rmtree(etc)


def test_nothing_is_kept_where_the_configuration_does_not_ask_for_it(host: Host):
    etc = host.own_etc()
    (etc / "nftables.conf").write_text(TABLES[INET])
    (etc / "nftables.d").mkdir()
    try:
        host.shell(nftables.Table(INET).render(OPENINGS["a worker"], host.listing(INET), ""))
        assert not list((etc / "nftables.d").iterdir())
    finally:
        shutil.rmtree(etc)
