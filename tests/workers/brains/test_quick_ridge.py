from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Plain

from workers.brains.quick_ridge import QuickRidge


def test_it_is_ridge_with_the_penalty_of_the_smallest_criterion() -> None:
    random = np.random.RandomState(0)
    x = random.randn(50, 12) + 3
    y = x @ random.randn(12, 4) * [0, 0.1, 1, 5] + random.randn(50, 4)
    penalties = (0.1, 1.0, 10.0, 100.0, 1000.0)
    fitted = QuickRidge(penalties).fit(x, y)
    assert fitted.penalties is not None
    centred = x - x.mean(axis=0)
    for neuron, penalty in enumerate(fitted.penalties):
        expected = Plain(alpha=penalty).fit(x, y[:, neuron]).predict(x)
        assert fitted.predict(x)[:, neuron] == pytest.approx(expected, abs=1e-9)
        criteria = []
        for tried in penalties:
            hat = centred @ np.linalg.solve(centred.T @ centred + tried * np.eye(12), centred.T)
            hat += 1 / 50  # the intercept's
            residual = y[:, neuron] - hat @ y[:, neuron]
            criteria.append(50 * (residual @ residual) / (50 - np.trace(hat)) ** 2)
        assert penalties[int(np.argmin(criteria))] == penalty
    assert len(set(fitted.penalties)) > 1


def test_what_does_not_vary_is_left_out() -> None:
    random = np.random.RandomState(1)
    x, y = random.randn(30, 3), random.randn(30, 2)
    dead = np.concatenate([x, np.full((30, 2), 7.0)], axis=1)
    assert QuickRidge().fit(dead, y).predict(dead) == pytest.approx(
        QuickRidge().fit(x, y).predict(x)
    )
    nothing = QuickRidge().fit(dead[:, 3:], y).predict(dead[:4, 3:])
    assert nothing == pytest.approx(np.tile(y.mean(axis=0), (4, 1)))
    constant = QuickRidge().fit(x, np.ones((30, 1))).predict(x)
    assert constant == pytest.approx(np.ones((30, 1)))


def test_more_features_than_samples_are_shrunk() -> None:
    random = np.random.RandomState(2)
    x = random.randn(60, 80)
    y = x[:, :1] * 3 + 0.1 * random.randn(60, 1)
    predicted = QuickRidge().fit(x[:40], y[:40]).predict(x[40:])
    assert np.isfinite(predicted).all()
    assert np.corrcoef(predicted[:, 0], y[40:, 0])[0, 1] > 0.3
