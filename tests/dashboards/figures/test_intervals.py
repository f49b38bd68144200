"""Intervals are those of the textbooks, as SciPy computes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from dashboards.figures.intervals import bound_difference, bound_mean

SCORES = st.lists(st.floats(0, 1), min_size=2, max_size=30).filter(lambda x: np.std(x) > 1e-3)


@given(SCORES)
def test_a_mean_has_students_interval(values: list[float]) -> None:
    one = bound_mean(np.array(values))
    expected = stats.ttest_1samp(values, 0.0).confidence_interval()
    assert (one.low, one.high) == pytest.approx((expected.low, expected.high))


@given(SCORES, SCORES)
def test_a_difference_has_welchs_interval(some: list[float], others: list[float]) -> None:
    one = bound_difference(np.array(some), np.array(others))
    expected = stats.ttest_ind(some, others, equal_var=False).confidence_interval()
    assert one.value == pytest.approx(np.mean(some) - np.mean(others))
    assert (one.low, one.high) == pytest.approx((expected.low, expected.high))


def test_too_little_has_no_bounds() -> None:
    few, none = np.array([0.5]), np.array([])
    assert math.isnan(bound_mean(none).value)
    assert (bound_mean(few).value, math.isnan(bound_mean(few).low)) == (0.5, True)
    assert math.isnan(bound_difference(none, few).value)
    assert bound_difference(few, few).value == 0
    assert math.isnan(bound_difference(few, np.array([0.1, 0.2])).low)
    same = bound_difference(np.array([0.5, 0.5]), np.array([0.25, 0.25]))
    assert (same.value, same.low, same.high) == (0.25, 0.25, 0.25)
