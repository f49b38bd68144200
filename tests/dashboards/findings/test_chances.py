"""Order statistics, ranks and exact tests agree with their definitions and with SciPy's."""

import math

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from dashboards.findings.chances import (
    associate,
    bound_best,
    bound_share,
    compare_samples,
    exceed_count,
    expect_best,
    expect_best_of,
)


def test_the_expected_best_of_equal_scores() -> None:
    assert expect_best(1) == pytest.approx(0.0, abs=1e-6)
    assert expect_best(2) == pytest.approx(1 / math.sqrt(math.pi), abs=1e-4)
    assert expect_best(100) == pytest.approx(2.5076, abs=1e-3)


def test_the_bound_of_the_best_is_wider_where_the_deviation_is_uncertain() -> None:
    assert bound_best(1, 10**6) == pytest.approx(1.645, abs=0.01)
    assert bound_best(1, 4) == pytest.approx(stats.t.ppf(0.95, 4), rel=0.02)
    assert bound_best(50, 4) > bound_best(50, 16) > bound_best(10, 16)


def test_the_expected_best_of_a_part_of_known_scores() -> None:
    scores = np.array([1.0, 2.0, 3.0])
    assert expect_best_of(scores, 1) == pytest.approx(2.0)
    assert expect_best_of(scores, 2) == pytest.approx((2 + 3 + 3) / 3)
    assert expect_best_of(np.array([-math.inf, 4.0]), 1) == pytest.approx(4.0)
    assert math.isnan(expect_best_of(np.array([-math.inf]), 1))


def test_samples_are_compared_as_by_mann_and_whitney() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(1.0, 1.0, 40), rng.normal(0.0, 1.0, 30)
    better = compare_samples(first, second)
    statistic = stats.mannwhitneyu(first, second).statistic
    assert better.value == pytest.approx(statistic / (40 * 30))
    assert 0.5 < better.low < better.value < better.high <= 1.0
    same = compare_samples(np.zeros(20), np.zeros(20))
    assert same.value == 0.5
    assert same.low < 0.5 < same.high


def test_shares_and_counts() -> None:
    assert exceed_count(7, 10, 0.3) == pytest.approx(stats.binom.sf(6, 10, 0.3))
    assert exceed_count(0, 10, 0.3) == 1.0
    share = bound_share(5, 100)
    interval = stats.binomtest(5, 100).proportion_ci(method="wilson")
    assert (share.low, share.high) == pytest.approx((interval.low, interval.high), abs=1e-4)


def test_association_is_fishers_exact_test() -> None:
    (p,) = associate(18, 19, 22, 201)
    assert p == pytest.approx(stats.fisher_exact([[18, 4], [1, 178]], "greater").pvalue)
