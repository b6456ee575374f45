"""Looking until something holds."""

from __future__ import annotations

import time

from lab.polling import until


def test_it_looks_until_it_holds_and_tells_how_long_that_took():
    looks = iter(range(10))
    seen, waited = until(lambda: next(looks), lambda seen: seen == 3, deadline_s=5, every_s=0.01)
    assert seen == 3
    assert 0.03 <= waited < 2


def test_what_holds_at_once_is_not_waited_for():
    start = time.monotonic()
    assert until(lambda: "there", bool, deadline_s=5, every_s=5)[0] == "there"
    assert time.monotonic() - start < 1


def test_a_deadline_ends_it_with_what_was_seen_last():
    seen, waited = until(lambda: "not yet", lambda _: False, deadline_s=0.1, every_s=0.02)
    assert seen == "not yet"
    assert 0.1 < waited < 2


def test_it_looks_once_where_there_is_no_time():
    looks: list[int] = []
    until(lambda: looks.append(1), lambda _: False, deadline_s=0, every_s=0.01)
    assert len(looks) in {1, 2}
