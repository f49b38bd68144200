from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr  # type: ignore[import-untyped]

from workers.brains.weighted import correlate_ranks, rank_weighted

WEIGHTS = st.lists(st.integers(0, 3), min_size=8, max_size=8)
VALUES = st.lists(st.integers(-2, 2).map(float), min_size=8, max_size=8)


@settings(max_examples=50)
@given(VALUES, VALUES, WEIGHTS)
def test_an_item_taken_twice_is_two_rows(
    first: list[float], second: list[float], weights: list[int]
) -> None:
    one, other, times = np.array(first), np.array(second), np.array(weights)
    (ranks,) = rank_weighted(one, times[None].astype(float))
    assert np.repeat(ranks, times) == pytest.approx(rankdata(np.repeat(one, times)))
    (correlation,) = correlate_ranks(one, other, times[None].astype(float))
    rows = np.repeat(one, times), np.repeat(other, times)
    if len(rows[0]) < 2 or not np.ptp(rows[0]) or not np.ptp(rows[1]):
        assert np.isnan(correlation)
    else:
        assert correlation == pytest.approx(spearmanr(*rows).statistic)


def test_nothing_has_no_correlation() -> None:
    assert np.isnan(correlate_ranks(np.zeros(0), np.zeros(0), np.zeros((3, 0)))).all()
