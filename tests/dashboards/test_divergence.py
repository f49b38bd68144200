"""Divergences are those that the definition gives, up to Optuna's smoothing; intervals cover."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from dashboards.divergence import (
    COMPARED,
    Feature,
    estimate_interaction,
    estimate_parts,
)

TRIALS = 400
PLACES = np.arange(TRIALS)


def marks(best: float, others: float, part: float = 0.1) -> Feature:
    """A feature that the shares `best` and `others` of the best tenth and of the rest have."""
    border = int(part * TRIALS)
    within = np.arange(TRIALS) < border
    place = np.where(within, np.arange(TRIALS) / border, (PLACES - border) / (TRIALS - border))
    return Feature.binary(place < np.where(within, best, others))


def test_a_feature_of_the_best_counts_and_one_of_all_does_not() -> None:
    features = {"best": marks(0.9, 0.2), "less": marks(0.5, 0.3), "all": marks(0.5, 0.5)}
    values, low, high = estimate_parts(features, PLACES, rounds=6, seed=0)
    assert values["best"] > values["less"] > values["all"]
    assert values["all"] < 0.01
    assert sum(values.values()) == pytest.approx(1.0)
    for name, value in values.items():
        assert 0.0 <= low[name] <= value <= high[name] <= 1.0


def test_several_parts_of_the_trials_are_averaged() -> None:
    """One feature is of the best tenth, the other of the better half."""
    features = {"tenth": marks(0.9, 0.3), "half": marks(0.9, 0.3, part=0.5)}
    alone = [
        estimate_parts(features, PLACES, 0, 0, bests=[best])[0]["tenth"] for best in (0.1, 0.5)
    ]
    both = estimate_parts(features, PLACES, 0, 0, bests=[0.1, 0.5])[0]
    assert both["tenth"] == pytest.approx(sum(alone) / 2)
    assert alone[0] > alone[1]


def test_a_feature_that_some_trials_do_not_have_counts_where_they_have_it() -> None:
    made = np.arange(TRIALS) % 2 == 0
    whole = marks(0.9, 0.2)
    conditional = Feature(distribution=whole.distribution, values=whole.values, made=made)
    values, *_ = estimate_parts({"whole": whole, "half": conditional}, PLACES, 0, 0)
    assert 0.0 < values["half"] < values["whole"]


def test_ties_are_the_best_together_or_not_at_all() -> None:
    """Of equal trials none is better: nothing tells the best from all."""
    values, *_ = estimate_parts({"any": marks(0.9, 0.2)}, np.zeros(TRIALS, int), 0, 0)
    assert values == {"any": 0.0}


def test_of_many_trials_a_part_from_the_best_to_the_worst_is_looked_at() -> None:
    many = 2 * COMPARED
    share = np.arange(many) < many / 10
    values, *_ = estimate_parts(
        {"best": Feature.binary(share), "every other": Feature.binary(np.arange(many) % 4 < 2)},
        np.arange(many),
        0,
        0,
    )
    assert values["best"] > 0.99


def test_labels_that_only_together_are_of_the_best_interact() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(2, size=TRIALS), rng.integers(2, size=TRIALS)
    order = np.argsort(rng.random(TRIALS) + (one != other), kind="stable")
    value, low, high = estimate_interaction(one[order], other[order], PLACES, 12, 0)
    assert 0.0 < low <= value <= high
    mixed, low, high = estimate_interaction(one, other, PLACES, 12, 0)
    assert low <= 0.02
    assert mixed < value / 4


def test_numbers_become_thirds_and_labels_stay() -> None:
    rng = np.random.default_rng(1)
    values = rng.random(90)
    made = np.ones(90, bool)
    number = Feature(distribution=FloatDistribution(0, 1), values=values, made=made)
    assert np.bincount(number.binned()).tolist() == [30, 30, 30]
    labels = Feature.of_labels(rng.integers(5, size=90), 5)
    assert sorted(set(labels.binned())) == [0, 1, 2, 3, 4]
