"""An uplink, as far as none is made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.hosts import state, uplink
from lab.hosts.base import HostSpec, LabPaths, LabSpec
from lab.hosts.state import Uplink

SPEC = LabSpec("unit", "198.18.0.0/24", (HostSpec("manager", "198.18.0.11"),), "lab.yml")
WAY = Uplink(1, "198.19.0.0/30", ("eth0", "wg0"), ("192.0.2.53", "192.0.2.54"), {"all": "0", "eth0": "0", "wg0": "1"})


@pytest.mark.parametrize("lab", ["lab", "a", "x" * 32])
def test_a_link_has_a_short_name_of_the_labs_own(lab: str):
    assert uplink.link_name(lab).startswith("lab-")
    assert len(uplink.link_name(lab)) <= 15
    assert uplink.link_name(lab) != uplink.link_name(f"{lab}2")


def test_a_table_bears_the_name_of_the_lab():
    assert uplink.table_name("my-lab-2") == "swarm_lab_my_lab_2"


def test_an_uplink_is_recorded_and_read_again(paths: LabPaths):
    written = state.intended(SPEC, "netns", None, WAY)
    state.write(paths, written)
    assert state.read(paths) == written
    assert state.read(paths).uplink == WAY


def test_a_record_from_before_there_were_uplinks_has_none(paths: LabPaths):
    state.write(paths, state.intended(SPEC, "netns", None))
    paths.state_file.write_text(paths.state_file.read_text().replace(',\n  "uplink": null', ""))
    assert state.read(paths).uplink is None


def test_a_lab_that_does_not_ask_for_an_uplink_gets_none(paths: LabPaths):
    assert uplink.plan(paths, SPEC, None) is None
    assert uplink.plan(paths, SPEC, state.intended(SPEC, "netns", None)) is None
    assert uplink.missing(paths, SPEC, None, None) == ()


def test_what_is_missing_of_an_uplink_before_there_is_a_lab_is_all_of_it(paths: LabPaths):
    assert uplink.missing(paths, SPEC, WAY, None) == (f"open uplink {uplink.link_name('unit')} through eth0, wg0",)


def test_an_uplink_of_another_boot_is_gone(paths: LabPaths):
    known = replace(state.intended(SPEC, "netns", None, WAY), boot="of yesterday")
    assert uplink.remove(paths, known) == []


def test_so_is_one_whose_network_namespace_went(paths: LabPaths):
    assert uplink.remove(paths, state.intended(SPEC, "netns", None, WAY)) == []


def test_hosts_without_an_uplink_ask_the_outsider_and_do_not_wait():
    lines = uplink.resolver(SPEC, None).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "nameserver 198.18.0.254",
        "options timeout:1 attempts:1",
    ]


def test_hosts_with_an_uplink_ask_its_name_servers():
    lines = uplink.resolver(SPEC, WAY).splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["nameserver 192.0.2.53", "nameserver 192.0.2.54"]


def test_rules_replace_those_of_before_and_bear_a_mark_that_changes_with_them():
    one, other = (uplink.marked(f"table inet t {{ chain {name} {{ }} }}\n").splitlines() for name in ("a", "b"))
    assert one[:2] == ["table inet t", "delete table inet t"]
    assert one[-1].startswith("add chain inet t rules_")
    assert one[-1] != other[-1]
