from __future__ import annotations

import numpy as np
import pytest

from workers.brains.intervals import count_drawn, find_interval


def test_stimuli_are_drawn_with_replacement_and_by_the_seed() -> None:
    drawn = count_drawn(7, 400)
    assert drawn.shape == (400, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.sum(axis=0) == pytest.approx(np.full(7, 400), abs=80)
    assert (drawn == 0).any(axis=1).mean() > 0.9
    assert (drawn == count_drawn(7, 400)).all()
    assert (drawn != count_drawn(7, 400, seed=2)).any()


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says() -> None:
    random = np.random.RandomState(3)
    covered = 0
    for _ in range(100):
        sample = random.randn(60)
        means = count_drawn(60, 200) @ sample / 60
        low, high = find_interval(means)
        covered += int(low < 0 < high)
    assert 0.88 <= covered / 100 <= 0.99


def test_draws_without_a_value_are_left_out_unless_they_are_many() -> None:
    values = np.tile(np.linspace(0, 1, 101)[:, None, None], (1, 2, 2))
    values[:5, 0, 1] = np.nan
    values[:40, 1, 0] = np.nan
    values[:, 1, 1] = np.nan
    low, high = find_interval(values)
    assert low == pytest.approx(np.array([[0.025, 0.07375], [np.nan, np.nan]]), nan_ok=True)
    assert high == pytest.approx(np.array([[0.975, 0.97625], [np.nan, np.nan]]), nan_ok=True)
