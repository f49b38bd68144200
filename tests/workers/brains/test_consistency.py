from __future__ import annotations

import numpy as np
import pytest

from space.errors import DataError
from tests.support.recordings import BRAIN_SCORE, draw_linear
from workers.brains.consistency import (
    apply_spearman_brown,
    ceil_neurons,
    ceil_score,
    measure_consistency,
)


def test_the_consistency_is_that_of_brain_score() -> None:
    recording = draw_linear()
    summary = measure_consistency(recording.responses[..., None]).summary
    assert summary.center == pytest.approx([BRAIN_SCORE["ceiling"]], abs=1e-8)
    assert summary.error == pytest.approx([BRAIN_SCORE["ceiling_error"]], abs=1e-8)
    assert summary.neurons == (12,)


def test_spearman_brown_undoes_the_halving() -> None:
    # Signal and noise of one variance: a half of n repetitions has reliability n / (n + 2).
    r = np.array([0.5, 0.0, -0.5, -1.0])
    corrected = apply_spearman_brown(r)
    assert corrected[:3] == pytest.approx([2 / 3, 0, -2])
    assert np.isnan(corrected[3])
    assert apply_spearman_brown(np.array([0.2]), 4) == pytest.approx([0.5])


def test_the_consistency_of_known_noise_is_recovered() -> None:
    random = np.random.RandomState(2)
    signal = random.randn(400, 1, 30, 1)
    responses = signal + random.randn(400, 6, 30, 1)
    assert measure_consistency(responses).summary.center == pytest.approx([6 / 7], abs=0.01)


def test_stimuli_that_were_shown_less_often_count_where_they_are() -> None:
    recording = draw_linear()
    responses = recording.responses[..., None]
    fewer = responses.copy()
    fewer[0, 3:] = np.nan  # a stimulus of three repetitions
    fewer[1, :, 4] = np.nan  # one that a neuron lacks
    full, sparse = measure_consistency(responses), measure_consistency(fewer)
    assert sparse.summary.neurons == (12,)
    assert sparse.by_neuron == pytest.approx(full.by_neuron, abs=0.02)
    without = measure_consistency(np.delete(responses, 1, axis=0)[:, :, 4:5])
    fewer[0, 3:, 4] = responses[0, 3:, 4]
    only = measure_consistency(fewer[:, :, 4:5])
    assert only.by_neuron == pytest.approx(without.by_neuron, abs=1e-12)


def test_neurons_and_bins_without_responses_have_none() -> None:
    responses = np.repeat(draw_linear().responses[..., None], 3, axis=3)
    responses[:, :, 2] = 0.1  # a neuron that is constant
    responses[..., 1] = np.nan  # a bin that was not recorded
    consistency = measure_consistency(responses)
    assert consistency.summary.neurons == (11, 0, 11)
    assert np.isnan(consistency.by_neuron[2]).all()
    assert np.isnan(consistency.summary.center).tolist() == [False, True, False]


def test_one_repetition_is_one_error() -> None:
    with pytest.raises(DataError, match="two repetitions or more"):
        measure_consistency(np.zeros((4, 1, 2, 1)))


def test_scores_under_a_ceiling() -> None:
    scores, ceilings = np.array([0.6, -0.6, 0.6, 0.6]), np.array([0.9, 0.9, 0.0, np.nan])
    ceiled = ceil_score(scores, ceilings)
    assert ceiled[:2] == pytest.approx([0.4, -0.4])
    assert np.isnan(ceiled[2:]).all()
    by_bin = ceil_neurons(np.array([[0.6], [0.9], [0.3]]), np.array([[0.9], [0.9], [-0.1]]))
    assert by_bin == pytest.approx([(0.4 + 0.9) / 2])
