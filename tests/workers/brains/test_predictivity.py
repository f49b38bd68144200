from __future__ import annotations

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression

from space.errors import DataError
from tests.support.recordings import BRAIN_SCORE, BRAIN_SCORE_SPLITS, Floats, draw_linear
from workers.brains.consistency import ceil_score, measure_consistency
from workers.brains.correlation import correlate_columns
from workers.brains.maps import MAPS, Pls, Ridge
from workers.brains.predictivity import predict_neurons
from workers.brains.splits import split_stimuli


def draw_moving() -> tuple[Floats, Floats]:
    """Features [40, 4 bins, 6] and neurons [40, 5, 4] that are linear in them by one map."""
    random = np.random.RandomState(3)
    features = random.randn(40, 4, 6)
    weights = random.randn(6, 5)
    responses = (features @ weights).transpose(0, 2, 1) + 0.1 * random.randn(40, 5, 4)
    return features, responses


@pytest.mark.parametrize("shared", [False, True])
def test_the_score_is_that_of_brain_score(shared: bool) -> None:
    recording = draw_linear()
    splits = split_stimuli(len(recording.features), recording.objects)
    result = predict_neurons(recording.features, recording.averages, splits, Pls(), shared=shared)
    summary = result.summary
    assert result.components == 25
    assert summary.center == pytest.approx([BRAIN_SCORE["score"]], abs=1e-6)
    assert summary.error == pytest.approx([BRAIN_SCORE["error"]], abs=1e-6)
    assert summary.by_split[:, 0] == pytest.approx(BRAIN_SCORE_SPLITS, abs=6e-6)
    ceiling = measure_consistency(recording.responses[..., None]).summary.center
    assert ceil_score(summary.center, ceiling) == pytest.approx([BRAIN_SCORE["ceiled"]], abs=1e-6)


def test_one_map_for_all_bins_is_fitted_to_bins_as_samples() -> None:
    features, responses = draw_moving()
    (split,) = split_stimuli(40, splits=1)
    shared = predict_neurons(features, responses, [split], Pls(4), shared=True)
    stacked = features[split.train].reshape(-1, 6)
    targets = responses[split.train].transpose(0, 2, 1).reshape(-1, 5)
    plain = PLSRegression(n_components=4, scale=False).fit(stacked, targets)
    for bin_ in range(4):
        predicted = plain.predict(features[split.test, bin_])
        expected = correlate_columns(predicted, responses[split.test, :, bin_])
        assert shared.by_split[0, :, bin_] == pytest.approx(expected, abs=1e-9)


def test_a_map_a_bin_does_not_see_the_others() -> None:
    features, responses = draw_moving()
    splits = split_stimuli(40, splits=3)
    by_bin = predict_neurons(features, responses, splits, Ridge(), shared=False)
    lone = predict_neurons(features[:, 2], responses[:, :, 2:3], splits, Ridge(), shared=False)
    assert by_bin.by_split[:, :, 2] == pytest.approx(lone.by_split[:, :, 0], abs=1e-9)
    # Features that fit the bin beside them: one map fits no bin, a map a bin fits each.
    moved = features * np.array([1, -1, 1, -1])[:, None]
    one = predict_neurons(moved, responses, splits, Ridge(), shared=True).summary
    each = predict_neurons(moved, responses, splits, Ridge(), shared=False).summary
    assert (each.center > 0.9).all()
    assert (one.center < 0.6).all()


def test_static_features_are_the_same_in_every_bin() -> None:
    features, responses = draw_moving()
    splits = split_stimuli(40, splits=2)
    for shared in (False, True):
        static = predict_neurons(features[:, 0], responses, splits, Pls(3), shared=shared)
        repeated = np.repeat(features[:, :1], 4, axis=1)
        moving = predict_neurons(repeated, responses, splits, Pls(3), shared=shared)
        assert static.by_split == pytest.approx(moving.by_split, abs=1e-9)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("shared", [False, True])
def test_missing_and_constant_responses(name: str, shared: bool) -> None:
    features, responses = draw_moving()
    splits = split_stimuli(40, splits=2)
    clean = predict_neurons(features, responses, splits, MAPS[name](), shared=shared)
    responses = np.concatenate([responses, responses[:, :2]], axis=1)
    responses[:, 5] = 0.3  # a neuron that is constant
    responses[7, 6, 2] = np.nan  # a neuron that lacks a stimulus in one bin
    result = predict_neurons(features, responses, splits, MAPS[name](), shared=shared)
    assert result.by_split[:, :5] == pytest.approx(clean.by_split, abs=1e-3)
    assert np.isnan(result.by_split[:, 5]).all()
    lacking = np.isnan(result.by_split[0, 6]).tolist()
    assert lacking == ([True] * 4 if shared else [False, False, True, False])
    # A bin that no neuron has is left out, also of one map.
    responses[:, :, 3] = np.nan
    bins = predict_neurons(features, responses, splits, MAPS[name](), shared=shared).summary
    assert np.isnan(bins.center).tolist() == [False, False, False, True]
    three = predict_neurons(
        features[:, :3], responses[:, :, :3], splits, MAPS[name](), shared=shared
    )
    assert bins.center[:3] == pytest.approx(three.summary.center, abs=1e-9)


def test_a_network_that_went_silent_scores_zero() -> None:
    features, responses = draw_moving()
    features[:, 3] = 0
    result = predict_neurons(features, responses, split_stimuli(40), Pls(), shared=False)
    assert result.summary.center[3] == 0
    assert result.summary.center[0] > 0.9
    assert result.components == 0


@pytest.mark.parametrize(
    ("shape", "number", "line"),
    [
        ((39, 4, 6), 1.0, r"features: have the shape \[39, 4, 6\]; give \[40 stimuli, features\]"),
        ((40, 3, 6), 1.0, r"features: have the shape \[40, 3, 6\]"),
        ((40,), 1.0, r"features: have the shape \[40\]"),
        ((40, 6), np.nan, "features: have 240 numbers that are not finite; leave out the layer"),
    ],
)
def test_features_that_do_not_fit_are_one_error(
    shape: tuple[int, ...], number: float, line: str
) -> None:
    with pytest.raises(DataError, match=line):
        predict_neurons(
            np.full(shape, number), draw_moving()[1], split_stimuli(40), Pls(), shared=True
        )


@pytest.mark.parametrize("shared", [True, False])
def test_features_that_reach_no_recorded_bin_score_nothing(shared: bool) -> None:
    features, responses = np.full((20, 2, 3), np.nan), np.ones((20, 4, 2))
    result = predict_neurons(features, responses, split_stimuli(20), Pls(), shared=shared)
    assert np.isnan(result.by_split).all()
    assert result.summary.neurons == (0, 0)
