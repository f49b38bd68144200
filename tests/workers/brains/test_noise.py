from __future__ import annotations

import numpy as np
import pytest

from tests.support.recordings import draw_linear
from workers.brains.maps import Pls, Ridge
from workers.brains.noise import correct_for_noise, predict_without_noise
from workers.brains.predictivity import predict_neurons
from workers.brains.splits import split_stimuli


def test_the_correction_of_numbers() -> None:
    # SB(1/3) = 1/2, SB(0.6) = 3/4.
    r = np.array([0.3, 0.0, 0.3, 0.0, 0.3])
    model = np.array([1 / 3, np.nan, -0.1, 0.5, 0.5])
    neuron = np.array([0.6, 0.6, 0.6, 0.6, 0.0])
    corrected = correct_for_noise(r, model, neuron)
    assert corrected[:2] == pytest.approx([0.3 / np.sqrt(0.5 * 0.75), 0])
    assert np.isnan(corrected[[2, 4]]).all()
    assert corrected[3] == 0


def test_the_true_map_explains_all_but_noise() -> None:
    recording = draw_linear()
    splits = split_stimuli(120, splits=2)
    corrected = predict_without_noise(
        recording.features, recording.responses, splits, Ridge(), halvings=2
    )
    raw = predict_neurons(recording.features, recording.averages, splits, Ridge(), shared=True)
    assert corrected.by_split.shape == (4, 12, 1)
    assert raw.summary.center[0] < 0.94
    assert corrected.summary.center == pytest.approx([1], abs=0.03)


def test_neurons_without_reliability_are_left_out_and_dead_features_score_zero() -> None:
    recording = draw_linear()
    responses = recording.responses.copy()
    responses[:, :, 3] = 0.1
    splits = split_stimuli(120, splits=1)
    result = predict_without_noise(recording.features, responses, splits, Pls(), halvings=2)
    # 3 is constant, and the halves of 0, which responds to little, disagree on these stimuli.
    assert np.flatnonzero(np.isnan(result.by_neuron[:, 0])).tolist() == [0, 3]
    dead = predict_without_noise(np.ones((120, 4)), responses, splits, Pls(), halvings=2)
    assert dead.summary.center == pytest.approx([0])
