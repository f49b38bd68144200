"""What paired seeds show: known values, agreement of interval and word, coverage, Holm."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from search.review.verdicts import Comparison, Verdict, correlate_ranks, judge, measure_luck


def comparison(*differences: float, winner: str = "w", against: str = "macs") -> Comparison:
    scores = {seed: 0.5 + each for seed, each in enumerate(differences)}
    others = dict.fromkeys(scores, 0.5)
    return Comparison(winner=winner, against=against, scores=scores, others=others)


def test_the_interval_is_that_of_a_paired_t_test() -> None:
    """Gosset's own example (Student 1908, Biometrika 6:1): extra sleep of ten patients."""
    sleep = (1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4)
    [verdict] = judge([comparison(*sleep)])
    assert verdict.difference == pytest.approx(1.58)
    assert verdict.low == pytest.approx(0.7001142)
    assert verdict.high == pytest.approx(2.4598858)
    assert verdict.p == pytest.approx(0.00283289)
    assert (verdict.shown, verdict.seeds, verdict.level) == (True, 10, 0.05)


def test_seeds_are_paired_by_seed_not_by_place() -> None:
    one = Comparison(
        winner="w", against="depth", scores={7: 0.9, 3: 0.5, 1: 0.2}, others={3: 0.4, 7: 0.6, 9: 0}
    )
    assert one.differences == pytest.approx([0.1, 0.3])
    [verdict] = judge([one])
    assert verdict.difference == pytest.approx(0.2)


@pytest.mark.parametrize("differences", [(), (0.3,), (0.1, 0.1, 0.1), (0.0, 0.0)])
def test_what_has_no_spread_has_no_interval_and_shows_nothing(
    differences: tuple[float, ...],
) -> None:
    [verdict] = judge([comparison(*differences)])
    assert (verdict.low, verdict.high, verdict.p, verdict.shown) == (None, None, None, False)
    mean = sum(differences) / len(differences) if differences else None
    assert verdict.difference == (None if mean is None else pytest.approx(mean))


def test_two_seeds_show_only_what_differs_hardly_at_all() -> None:
    wide, narrow = (judge([comparison(*pair)])[0] for pair in ((0.05, 0.15), (0.100, 0.101)))
    assert wide.low is not None
    assert not wide.shown
    assert wide.low == pytest.approx(0.1 - 12.706 * 0.05, abs=1e-3)
    assert narrow.shown


def test_a_control_that_is_better_is_not_shown() -> None:
    [verdict] = judge([comparison(-0.1, -0.11, -0.12, -0.1)])
    assert verdict.high is not None
    assert verdict.high < 0
    assert not verdict.shown


samples = st.lists(st.integers(-30, 60), min_size=3, max_size=6)


@given(st.lists(samples, min_size=1, max_size=5))
def test_interval_and_word_agree_and_are_holms(drawn: list[list[int]]) -> None:
    compared = [
        comparison(*(each / 100 for each in one), winner=str(at)) for at, one in enumerate(drawn)
    ]
    verdicts = judge(compared)
    for verdict in verdicts:
        if verdict.low is not None and verdict.high is not None:
            assert verdict.shown == (verdict.low > 0)
    # Holm's adjusted p, by its definition.
    ps = [1.0 if one.p is None else one.p for one in verdicts]
    order = sorted(range(len(ps)), key=lambda at: (ps[at], at))
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[at]))
        adjusted[at] = largest
    for verdict, p in zip(verdicts, adjusted, strict=True):
        assert verdict.shown == (p < 0.05 and (verdict.difference or 0) > 0)


def test_winners_are_corrected_together_and_kinds_of_controls_apart() -> None:
    rng = random.Random(2)
    lucky = [0.02 + rng.gauss(0, 0.015) for _ in range(5)]
    alone = judge([comparison(*lucky)])[0]
    assert alone.shown
    assert alone.p is not None
    assert alone.p > 0.05 / 4
    drawn = [(0.1, -0.1, 0.02, 0.0), (0.05, -0.02, 0.01, 0.0), (0.0, 0.03, -0.06, 0.01)]
    noise = [comparison(*each, winner=str(at)) for at, each in enumerate(drawn)]
    among = judge([comparison(*lucky), *noise])[0]
    assert not among.shown
    assert among.level == pytest.approx(0.05 / 4)
    elsewhere = [
        Comparison(winner=one.winner, against="depth", scores=one.scores, others=one.others)
        for one in noise
    ]
    assert judge([comparison(*lucky), *elsewhere])[0] == alone


def test_95_of_100_intervals_hold_the_true_difference_and_5_of_100_show_what_is_not_there() -> (
    None
):
    rng = np.random.default_rng(0)
    drawn = rng.normal(0.03, 0.02, size=(1500, 5))
    covered = [_covers(judge([comparison(*row)])[0], 0.03) for row in drawn.tolist()]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)
    null = rng.normal(0.0, 0.02, size=(400, 4, 5)).tolist()
    wrong = [
        any(
            v.shown for v in judge([comparison(*row, winner=str(i)) for i, row in enumerate(four)])
        )
        for four in null
    ]
    assert np.mean(wrong) < 0.05, "one-sided words of four winners, of which none is better"


def _covers(verdict: Verdict, truth: float) -> bool:
    return verdict.low is not None and verdict.low <= truth <= (verdict.high or 0)


def test_rank_correlation() -> None:
    first = [0.9, 0.8, 0.7, 0.6, 0.5]
    ranks = correlate_ranks(first, [0.7, 0.8, 0.6, 0.5, 0.4])
    assert ranks.rho == pytest.approx(0.9)
    tied = ([0.9, 0.8, 0.8, 0.6, 0.5], [0.7, 0.7, 0.6, 0.8, 0.1])
    assert correlate_ranks(*tied).rho == pytest.approx(stats.spearmanr(*tied).statistic)
    assert ranks.low is not None
    assert ranks.high is not None
    assert -1 < ranks.low < 0.9 < ranks.high < 1
    assert correlate_ranks(first[:3], [3, 2, 1]).low is None
    assert correlate_ranks(first[:3], [3, 2, 1]).rho == pytest.approx(1)
    assert correlate_ranks(first[:2], [2, 1]).rho is None
    assert correlate_ranks(first, [0.5] * 5).rho is None


def test_luck_is_what_other_seeds_do_not_repeat() -> None:
    assert measure_luck(0.9, [0.8, 0.84]) == pytest.approx(0.08)
    assert measure_luck(0.9, []) is None
