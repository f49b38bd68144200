"""Intervals of shares and of their differences, against other derivations of the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats  # type: ignore[import-untyped]

from workers.shares import (
    Difference,
    Z,
    bound_mean,
    bound_share,
    compare_shares,
    correct_differences,
    correct_tests,
)


def _answers(both: int, gained: int, lost: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    right = np.repeat([True, True, False, False], [both, gained, lost, neither])
    others = np.repeat([True, False, True, False], [both, gained, lost, neither])
    return right, others


def _score(difference: float, gained: int, lost: int, count: int) -> float:
    """Tango's statistic by a search for the likeliest chance of loss at a difference."""

    def surprise(loss: float) -> float:
        gain = loss + difference
        return -float(
            stats.multinomial.logpmf(
                [gained, lost, count - gained - lost], count, [gain, loss, 1 - gain - loss]
            )
        )

    low, high = max(0.0, -difference), (1 - difference) / 2
    loss = optimize.minimize_scalar(surprise, bounds=(low, high), options={"xatol": 1e-12}).x
    variance = (2 * loss + difference - difference**2) / count
    return float(((gained - lost) / count - difference) / np.sqrt(variance))


@pytest.mark.parametrize("counts", [(30, 12, 3, 5), (700, 90, 60, 150), (5, 1, 7, 2)])
def test_the_bounds_of_a_difference_lie_where_the_score_test_turns(
    counts: tuple[int, int, int, int],
) -> None:
    difference = compare_shares(*_answers(*counts))
    _, gained, lost, _ = counts
    assert difference.value == pytest.approx((gained - lost) / sum(counts))
    assert _score(difference.low, gained, lost, sum(counts)) == pytest.approx(Z, abs=1e-4)
    assert _score(difference.high, gained, lost, sum(counts)) == pytest.approx(-Z, abs=1e-4)
    assert difference.p == pytest.approx(stats.binomtest(gained, gained + lost).pvalue)


def test_equal_answers_do_not_differ_but_might() -> None:
    """The bound of no discordant pair of n is z^2 / (n + z^2)."""
    right = np.array([True, False] * 25)
    difference = compare_shares(right, right)
    edge = Z**2 / (50 + Z**2)
    assert (difference.value, difference.p) == (0, 1)
    assert (difference.low, difference.high) == pytest.approx((-edge, edge))
    reverse = compare_shares(*_answers(0, 0, 20, 0))
    assert (reverse.value, reverse.low) == pytest.approx((-1, -1))
    assert reverse.high == pytest.approx(-1 + 2 * Z**2 / (20 + Z**2))


def test_exchanging_two_models_turns_the_sign() -> None:
    right, others = _answers(20, 9, 2, 19)
    one, other = compare_shares(right, others), compare_shares(others, right)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == other.p


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_has_wilsons_interval(counts: tuple[int, int]) -> None:
    hits, of = counts
    one = bound_share(hits, of)
    expected = stats.binomtest(hits, of).proportion_ci(method="wilson")
    assert one.value == hits / of
    assert (one.low, one.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_nothing_is_not_a_share() -> None:
    nothing = np.zeros(0, dtype=bool)
    assert np.isnan(compare_shares(nothing, nothing).value)
    assert np.isnan([bound_share(0, 0).value, bound_share(0, 0).low]).all()
    assert np.isnan(bound_mean(np.zeros(0, dtype=np.int64)).value)
    assert np.isnan(bound_mean(np.ones(1, dtype=np.int64)).low)


def test_a_large_test_does_not_overflow() -> None:
    assert compare_shares(*_answers(0, 4000, 1000, 0)).p < 1e-300


def test_p_is_corrected_as_holm_does() -> None:
    assert correct_tests([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert correct_tests([0.6, 0.9]) == [1.0, 1.0]
    assert correct_tests([]) == []


def test_a_difference_is_shown_by_its_interval_and_its_p_together() -> None:
    assert Difference(0.2, 0.1, 0.3, 0.01).shown
    assert Difference(-0.2, -0.3, -0.1, 0.01).shown
    assert not Difference(0.2, -0.1, 0.3, 0.01).shown
    assert not Difference(0.2, 0.1, 0.3, 0.06).shown
    once, twice = Difference(0.2, 0.1, 0.3, 0.03), Difference(-0.2, -0.3, -0.1, 0.04)
    corrected = correct_differences([once, twice])
    assert [one.p for one in corrected] == pytest.approx([0.06, 0.06])
    assert [one.value for one in corrected] == [0.2, -0.2]
    assert not any(one.shown for one in corrected)


def test_a_bootstrapped_mean_has_the_bounds_of_many_images() -> None:
    values = np.random.RandomState(0).choice([-1, 0, 1, 2], 4000, p=[0.1, 0.6, 0.2, 0.1])
    interval = bound_mean(values)
    half = Z * values.std() / np.sqrt(len(values))
    assert interval.value == values.mean()
    assert (interval.low, interval.high) == pytest.approx(
        (interval.value - half, interval.value + half), abs=0.1 * half
    )
    constant = bound_mean(np.full(9, 1))
    assert constant.value == 1
    assert np.isnan([constant.low, constant.high]).all()
    assert bound_mean(values) == bound_mean(values)
