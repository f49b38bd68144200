"""A driver's watch over its cluster."""

from __future__ import annotations

import time

from search.tune.cluster import _Watch
from tests.support.waiting import GUARD


def test_a_lost_cluster_is_told_once_it_is_silent_for_long() -> None:
    well, told = [True], list[Exception]()
    watch = _Watch(lambda: well[0], 1.0, told.append)
    watch.start()
    time.sleep(1.5)
    assert told == []
    well[0] = False
    watch.join(GUARD)
    assert len(told) == 1
