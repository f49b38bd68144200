from __future__ import annotations

import numpy as np
import pytest

from workers.brains.correlation import (
    correlate_columns,
    correlate_predictions,
    find_varying,
)


def test_columns_have_the_correlation_of_numpy() -> None:
    random = np.random.RandomState(1)
    a, b = random.randn(2, 30, 4, 3) + 100
    r = correlate_columns(a, b)
    assert r.shape == (4, 3)
    for place in np.ndindex(4, 3):
        expected = np.corrcoef(a[:, *place], b[:, *place])[0, 1]
        assert r[place] == pytest.approx(expected, abs=1e-12)


def test_a_column_that_does_not_vary_has_none() -> None:
    a = np.arange(5.0)
    constant = np.full(5, 0.1)
    rounded = np.array([0.3, 0.1 + 0.2, 0.3, 0.3, 0.3])
    missing = np.array([0, 1, np.nan, 3, 4])
    infinite = np.array([0, 1, np.inf, 3, 4])
    other = np.stack([a, constant, rounded, missing, infinite], axis=1)
    assert find_varying(other).tolist() == [True, False, False, False, False]
    r = correlate_columns(np.repeat(a[:, None], 5, axis=1), other)
    assert r[0] == pytest.approx(1)
    assert np.isnan(r[1:]).all()
    assert np.isnan(correlate_columns(other, other)[1:]).all()


def test_small_numbers_vary_as_large_ones_do() -> None:
    assert find_varying(np.array([[1e-30, 0.0], [2e-30, 0.0]])).tolist() == [True, False]
    assert find_varying(np.zeros((0, 3))).tolist() == [False] * 3


def test_a_constant_prediction_explains_nothing_of_a_neuron_that_varies() -> None:
    varying, constant = np.arange(4.0), np.ones(4)
    predicted = np.stack([constant, constant, varying, varying * np.nan], axis=1)
    measured = np.stack([varying, constant, constant, varying], axis=1)
    r = correlate_predictions(predicted, measured)
    assert r[0] == 0
    assert np.isnan(r[1:]).all()
