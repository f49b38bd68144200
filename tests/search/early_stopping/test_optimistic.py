"""Stopping by an optimistic bound, and the extrapolation that it rests on."""

from __future__ import annotations

import math
import random

import pytest

from search.early_stopping.extrapolation import Line, early_scores
from search.early_stopping.optimistic import Optimism
from tests.support.campaigns import report

EPOCHS = 10


def rule(deviations: float = 2.0, **options: object) -> Optimism:
    return Optimism(epochs=EPOCHS, grace=2, deviations=deviations, **options)  # type: ignore[arg-type]


def train(optimism: Optimism, number: int, final: float) -> int:
    """Report a curve that rises evenly until it is stopped; the epochs that were trained."""
    for epoch in range(1, EPOCHS + 1):
        top1 = final * epoch / EPOCHS
        if optimism.remember(number, report(epoch, top1)):
            return epoch
    return EPOCHS


def test_what_cannot_become_the_best_ends_early_and_the_best_goes_on() -> None:
    optimism = rule()
    assert train(optimism, 0, 0.8) == EPOCHS, "nothing is known yet"
    assert train(optimism, 1, 0.1) == 2, "after the grace"
    assert 2 < train(optimism, 2, 0.7) < EPOCHS
    assert train(optimism, 3, 0.81) == EPOCHS
    assert train(optimism, 4, 0.1) == 2


def test_more_deviations_stop_later() -> None:
    ends = []
    for deviations in (0.0, 1.0, 2.0, 4.0):
        optimism = rule(deviations)
        train(optimism, 0, 0.8)
        ends.append(train(optimism, 1, 0.72))
    assert ends == sorted(ends)
    assert ends[0] < ends[-1]


def test_a_trial_that_is_better_in_another_objective_is_not_dominated() -> None:
    sizes = {0: (100.0,), 1: (200.0,), 2: (50.0,)}
    optimism = rule(sizes=sizes.__getitem__)
    train(optimism, 0, 0.8)
    assert train(optimism, 1, 0.1) == 2, "worse and larger"
    assert train(optimism, 2, 0.1) == EPOCHS, "worse, but smaller"


def test_a_trial_that_knows_earlier_in_time_is_not_dominated() -> None:
    """Top-1 at a step is foreseen like top-1 itself."""
    optimism = rule(steps=(1,))

    def train_both(number: int, last: float, early: float) -> int:
        for epoch in range(1, EPOCHS + 1):
            part = epoch / EPOCHS
            by_step = (0.1, part * early, 0.1)
            if optimism.remember(number, report(epoch, part * last, accuracy_by_step=by_step)):
                return epoch
        return EPOCHS

    assert train_both(0, 0.8, 0.4) == EPOCHS, "nothing is known yet"
    assert train_both(1, 0.2, 0.1) < EPOCHS, "worse at both"
    assert train_both(2, 0.2, 0.7) == EPOCHS, "worse in the end, better at the step"
    assert train_both(3, 0.1, 0.3) < EPOCHS, "beaten by one of them in both"


def test_a_known_report_and_one_without_a_score_change_nothing() -> None:
    optimism = rule()
    train(optimism, 0, 0.8)
    bad = report(2, 0.01)
    assert optimism.remember(1, bad)
    assert not optimism.remember(1, bad), "it ended nothing the second time"
    assert not optimism.remember(2, report(2, math.nan))


def test_the_line_follows_many_pairs_and_a_usual_one_few() -> None:
    pairs = [((0.1 + 0.01 * i, 0.01 * i), 0.5 + 0.02 * i) for i in range(30)]
    line = Line.through(pairs, 0.3)
    assert sum(line.slopes) == pytest.approx(2.0, abs=0.2)
    assert line.at((0.25, 0.15)) == pytest.approx(0.8, abs=0.02)
    one = Line.through([((0.4, 0.3), 0.7)], 0.5)
    assert one.at((0.4, 0.3)) == pytest.approx(0.7)
    assert 0.5 < sum(one.slopes) < 1.0
    assert one.at((0.4, 0.3), deviations=1.0) - 0.7 == pytest.approx(one.variance**0.5)


def test_two_scores_foresee_better_than_one() -> None:
    """Each is the truth and as much luck; the line finds out that both count."""
    rng = random.Random(0)
    pairs = []
    for _ in range(200):
        truth = rng.gauss(0.5, 0.1)
        pairs.append(((rng.gauss(truth, 0.05), rng.gauss(truth, 0.05)), truth))
    line = Line.through(pairs, 0.5)
    assert line.slopes[0] == pytest.approx(line.slopes[1], abs=0.1)
    assert line.variance**0.5 < 0.04, "of one score alone it would be 0.045"


def test_the_first_score_stands_for_the_one_before_it() -> None:
    assert early_scores([(0.1, 0.2), (0.2, 0.4)]) == {0.1: (0.2, 0.2), 0.2: (0.4, 0.2)}
    assert early_scores([]) == {}


def test_the_later_the_surer() -> None:
    spread = [Line.through([((0.5, 0.5), 0.6)], fidelity).variance for fidelity in (0.1, 0.5, 0.9)]
    assert spread == sorted(spread, reverse=True)
