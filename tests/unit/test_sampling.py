"""Which pairs are tried."""

from __future__ import annotations

import pytest

from lab.sampling import peers


def names(count: int) -> list[str]:
    return [f"host-{number}" for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_a_small_lab_tries_every_pair(count: int):
    hosts = names(count)
    assert all(set(peers(host, hosts, 8)) == set(hosts) - {host} for host in hosts)


@pytest.mark.parametrize("count", [2, 3, 9, 30])
def test_in_a_larger_lab_every_host_tries_and_is_tried_by_two_at_most(count: int):
    hosts = names(count)
    tried = {host: peers(host, hosts, 1) for host in hosts}
    assert all(len(others) == min(2, count - 1) for others in tried.values())
    assert all(host in tried[other] for host, others in tried.items() for other in others)
    assert all(host not in others for host, others in tried.items())


def test_the_ring_of_a_larger_lab_is_closed_and_has_no_gap():
    hosts = names(30)
    reached, at = [hosts[0]], hosts[0]
    while (at := peers(at, hosts, 8)[0]) != hosts[0]:
        reached.append(at)
    assert reached == hosts
