from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from space.errors import DataError
from tests.support.recordings import Floats
from workers.brains.maps import Pls, Ridge
from workers.brains.predictivity import predict_neurons
from workers.brains.splits import split_stimuli
from workers.brains.timing import (
    TimeFit,
    TimeMapping,
    fit_time_mapping,
    hold_in,
    list_uncovered,
    map_times,
    weigh_steps,
)


def mark_bins(start: float, width: float, count: int) -> dict[str, Any]:
    starts = start + width * np.arange(count)
    return {"time_bin_start": starts, "time_bin_end": starts + width}


BINS = mark_bins(0, 10, 24)
STEPS = {"conv": tuple(range(2, 12))}


def draw_delayed(true: TimeMapping, stimuli: int = 80) -> tuple[dict[str, Floats], Floats]:
    """A layer [80, 10 steps, 6] that changes from step to step, and 9 neurons of which each bin is
    linear in the layer at the true time, with noise; noise alone where no step is.
    """
    random = np.random.RandomState(5)
    layer = np.zeros((stimuli, 10, 6))
    state = random.randn(stimuli, 6)
    for step in range(10):
        state = 0.7 * state + 0.7 * random.randn(stimuli, 6)
        layer[:, step] = state
    layers = {"conv": layer}
    mapped = np.nan_to_num(map_times(layers, STEPS, true, BINS)["conv"])
    signal = mapped @ random.randn(6, 9)
    responses = signal + 1.5 * random.randn(*signal.shape)
    return layers, responses.transpose(0, 2, 1)


def fit_delayed(layers: dict[str, Floats], responses: Floats, **grid: Any) -> TimeFit:
    held, _ = hold_in(len(responses))
    inside = {name: values[held] for name, values in layers.items()}
    return fit_time_mapping(inside, STEPS, {"IT": responses[held]}, BINS, Ridge(), **grid)


def test_a_bin_is_the_mean_of_its_steps_by_their_overlap() -> None:
    values = np.arange(12.0).reshape(1, 4, 3) ** 2
    bins: Any = {
        "time_bin_start": np.array([40, 45, 52, 40]),
        "time_bin_end": np.array([50, 60, 58, 80]),
    }
    weights = weigh_steps([0, 1, 2, 3], TimeMapping(10, 40), bins)
    expected = [[1, 0, 0, 0], [1 / 3, 2 / 3, 0, 0], [0, 1, 0, 0], [0.25] * 4]
    assert weights == pytest.approx(np.array(expected))
    mapped = map_times({"a": values}, {"a": range(4)}, TimeMapping(10, 40), bins)["a"]
    assert mapped[0] == pytest.approx(np.array(expected) @ values[0])
    # The layer's first valid step is its third: what is before it is not covered.
    later = map_times({"a": values}, {"a": range(2, 6)}, TimeMapping(10, 20), bins)["a"]
    assert later == pytest.approx(mapped)


def test_a_bin_that_steps_do_not_cover_wholly_has_no_features() -> None:
    values = np.random.RandomState(0).randn(5, 3, 2).astype(np.float32)
    mapping = TimeMapping(10, 25)  # 35 to 45 ms, 45 to 55, 65 to 75: a step is missing
    mapped = map_times({"a": values}, {"a": (1, 2, 4)}, mapping, mark_bins(30, 5, 12))["a"]
    assert mapped.dtype == np.float32
    assert list_uncovered(mapped) == [0, 5, 6, 9, 10, 11]
    assert (mapped[:, 1] == values[:, 0]).all()
    half = map_times({"a": values}, {"a": (1, 2, 4)}, mapping, mark_bins(30, 10, 4))["a"]
    assert list_uncovered(half) == [0, 2, 3]  # 30-40 is covered by half
    assert list_uncovered(values[:, 0]) == []


def test_an_instant_is_of_the_step_in_which_it_lies() -> None:
    bins = {"time_bin_start": np.array([50, 59, 70]), "time_bin_end": np.array([50, 59, 70])}
    weights = weigh_steps([0, 1], TimeMapping(10, 50), bins)
    assert weights[:2] == pytest.approx(np.array([[1, 0], [1, 0]]))
    assert np.isnan(weights[2]).all()


def test_no_score_where_there_are_no_features() -> None:
    layers, responses = draw_delayed(TimeMapping(10, 40))
    mapped = map_times(layers, STEPS, TimeMapping(10, 40), BINS)["conv"]
    absent = list_uncovered(mapped)
    assert absent == [*range(6), *range(16, 24)]
    splits = split_stimuli(80, splits=2)
    for shared in (True, False):
        summary = predict_neurons(mapped, responses, splits, Pls(4), shared=shared).summary
        assert np.isnan(summary.center[absent]).all()
        assert summary.neurons == tuple(0 if bin_ in absent else 9 for bin_ in range(24))
        assert (summary.center[6:16] > 0.5).all()
    inside = predict_neurons(mapped[:, 6:16], responses[:, :, 6:16], splits, Pls(4), shared=True)
    both = predict_neurons(mapped, responses, splits, Pls(4), shared=True)
    assert both.by_split[:, :, 6:16] == pytest.approx(inside.by_split)
    for shared in (True, False):
        nowhere = np.full_like(mapped, np.nan)
        nothing = predict_neurons(nowhere, responses, splits, Pls(4), shared=shared).summary
        assert np.isnan(nothing.center).all()
        assert nothing.neurons == (0,) * 24
    mapped[3, 8, 1] = np.nan
    with pytest.raises(DataError, match="features: have 1 numbers that are not finite"):
        predict_neurons(mapped, responses, splits, Pls(4), shared=True)


@pytest.mark.parametrize("true", [TimeMapping(10, 60), TimeMapping(20, 10)])
def test_the_true_time_is_recovered(true: TimeMapping) -> None:
    layers, responses = draw_delayed(true)
    fit = fit_delayed(layers, responses, milliseconds=[5, 10, 20])
    assert fit.stimuli == 20
    assert fit.mapping.milliseconds == true.milliseconds
    assert abs(fit.mapping.offset - true.offset) <= 10
    scores = {one.mapping: one.score for one in fit.candidates}
    assert len(scores) == 33
    assert scores[fit.mapping] == max(scores.values())
    given = fit_delayed(layers, responses, milliseconds=[10])
    assert {one.mapping.milliseconds for one in given.candidates} == {10}


def test_a_wide_layer_is_fitted_by_its_principal_components() -> None:
    layers, responses = draw_delayed(TimeMapping(10, 60))
    random = np.random.RandomState(2)
    wide = layers["conv"] @ random.randn(6, 300) + 0.01 * random.randn(80, 10, 300)
    grid: dict[str, Any] = {"milliseconds": [10], "offsets": [40, 50, 60, 70]}
    fit = fit_delayed({"conv": wide}, responses, **grid)
    assert fit.mapping == TimeMapping(10, 60)
    assert fit_delayed({"conv": wide}, responses, **grid) == fit
    narrow = fit_delayed(layers, responses, **grid)
    for one, other in zip(fit.candidates, narrow.candidates, strict=True):
        assert one.score == pytest.approx(other.score, abs=0.05)
    held, _ = hold_in(80)
    wide[held[0], 0, 0] = np.nan
    with pytest.raises(DataError, match="features: have"):
        fit_delayed({"conv": wide}, responses, **grid)


def test_the_scored_stimuli_have_no_part_in_the_choice() -> None:
    layers, responses = draw_delayed(TimeMapping(10, 60))
    grid: dict[str, Any] = {"milliseconds": [10], "offsets": [40, 60, 80]}
    fit = fit_delayed(layers, responses, **grid)
    held, scored = hold_in(80)
    assert sorted([*held, *scored]) == list(range(80))
    changed, elsewhere = responses.copy(), {"conv": layers["conv"].copy()}
    changed[scored] = np.random.RandomState(1).randn(*changed[scored].shape)
    elsewhere["conv"][scored] = np.nan
    assert fit_delayed(elsewhere, changed, **grid) == fit
    changed[held] = np.random.RandomState(2).randn(*changed[held].shape)
    assert fit_delayed(layers, changed, **grid) != fit


def test_what_is_held_in_has_every_object_and_a_limit() -> None:
    objects = np.array([*"abcd"] * 20)
    held, scored = hold_in(80, objects)
    assert np.unique(objects[held], return_counts=True)[1].tolist() == [5] * 4
    assert len(scored) == 60
    assert len(hold_in(10_000)[0]) == 400
    with pytest.raises(DataError, match="time: 31 stimuli: too few to hold a quarter in"):
        hold_in(31)


def test_times_that_fit_nothing() -> None:
    values = {"a": np.ones((20, 3, 2))}
    mapping = TimeMapping(10, 0)
    with pytest.raises(DataError, match="time_bin: the recording has none"):
        map_times(values, {"a": range(3)}, mapping, {})
    with pytest.raises(DataError, match=r"a: 2 steps for an array of the shape \[20, 3, 2\]"):
        map_times(values, {"a": range(2)}, mapping, BINS)
    with pytest.raises(DataError, match="milliseconds a step: 0; give a positive"):
        TimeMapping(0, 10)
    with pytest.raises(DataError, match="offset: nan"):
        TimeMapping(10, float("nan"))
    responses = {"IT": np.ones((20, 2, 24))}
    with pytest.raises(DataError, match="no step covers a bin of 0 to 240 ms"):
        fit_time_mapping(
            values, {"a": range(3)}, responses, BINS, Pls(), milliseconds=[1], offsets=[0]
        )
    still = {"a": values["a"][:, 0]}
    assert map_times(still, {}, mapping, BINS) == still
    with pytest.raises(DataError, match="time: no layer has steps"):
        fit_time_mapping(still, {}, responses, BINS, Pls())


def test_constant_features_tie_and_the_first_is_taken() -> None:
    responses = {"IT": np.random.RandomState(0).randn(20, 2, 24)}
    grid: dict[str, Any] = {"milliseconds": [20, 10], "offsets": [30, 20]}
    fit = fit_time_mapping({"conv": np.ones((20, 10, 2))}, STEPS, responses, BINS, Ridge(), **grid)
    assert fit.mapping == TimeMapping(10, 20)
    assert [one.score for one in fit.candidates] == [0] * 4
