from __future__ import annotations

import numpy as np
import pytest

from workers.brains.summary import summarise


def test_the_median_over_neurons_then_mean_and_error_over_splits() -> None:
    correlations = np.array([[[0.1], [0.5], [0.9]], [[0.2], [0.3], [0.8]]])
    summary = summarise(correlations)
    assert summary.by_split.tolist() == [[0.5], [0.3]]
    assert summary.center == pytest.approx([0.4])
    assert summary.error == pytest.approx([0.1 / np.sqrt(2)])
    assert summary.neurons == (3,)


def test_what_is_undefined_is_left_out() -> None:
    nan = np.nan
    correlations = np.array([[[0.1, nan], [nan, nan], [0.9, nan]], [[nan, nan]] * 3])
    summary = summarise(correlations)
    assert summary.center[0] == pytest.approx(0.5)
    assert summary.error[0] == 0
    assert np.isnan([summary.center[1], summary.error[1]]).all()
    assert summary.neurons == (2, 0)
