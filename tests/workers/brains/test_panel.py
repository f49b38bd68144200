from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from space.errors import DataError, InputError
from tests.support.recordings import Dynamic, draw_dynamic
from workers.brains.differences import Difference
from workers.brains.maps import Ridge
from workers.brains.panel import Comparison, Model, Panel, Timing, score_models
from workers.brains.scores import Features, fit_layers
from workers.brains.timing import TimeMapping, map_times


def make_models(drawn: Dynamic) -> list[Model]:
    """The network that the neurons follow, and a control: its mean over time."""
    moving = Features(
        stimuli=drawn.stimuli, layers=drawn.layers, source="moving.npz", steps=drawn.steps
    )
    still = Features(
        stimuli=drawn.stimuli[::-1],
        layers={name: values.mean(axis=1)[::-1] for name, values in drawn.layers.items()},
        source="still.npz",
    )
    return [
        Model(name="moving", features=moving, milliseconds=10),
        Model(name="still", features=still, control=True),
    ]


@pytest.fixture(scope="module")
def drawn() -> Dynamic:
    return draw_dynamic()


@pytest.fixture(scope="module")
def panel(drawn: Dynamic) -> Panel:
    timing = Timing(fit=True)
    return score_models(make_models(drawn), drawn.assembly, [], Ridge(), splits=4, timing=timing)


def test_the_time_is_fitted_and_the_preferred_layers_are_those_of_the_neurons(
    panel: Panel,
) -> None:
    moving, still = panel.models
    assert (panel.held_in, still.time, still.control) == (20, None, True)
    assert moving.time == TimeMapping(10, 30)
    assert moving.time_fit is not None
    assert {one.mapping.milliseconds for one in moving.time_fit.candidates} == {10}
    assert [one.area for one in moving.areas] == ["IT", "V4"]
    for area, layer in zip(moving.areas, ("high", "low"), strict=True):
        assert area.layer == layer
        shares = {share.layer: share for share in area.shares}
        assert shares[layer].neurons == 10
        assert shares[layer].score > 0.7
        rows = next(fit.scores for fit in area.fits if fit.layer == layer)
        first = 5 if layer == "high" else 3
        assert [row.bin for row in rows if row.neurons == 0] == [
            f"{10 * n}-{10 * n + 10}" for n in (*range(first), *range(first + 10, 16))
        ]
        assert all(row.score > 0.6 for row in rows if row.neurons)
        assert area.scored is not None
        assert len(area.scored.result.by_split) == 2
        assert {row.stimuli for row in rows} == {60}


def test_models_are_compared_with_controls(panel: Panel) -> None:
    whole = [one for one in panel.comparisons if one.bin is None]
    assert [(one.area, one.model, one.against) for one in whole] == [
        ("IT", "moving", "still"),
        ("V4", "moving", "still"),
    ]
    for one in whole:
        assert one.difference.verdict == "above"
        assert one.difference.neurons == 10
    by_bin = {one.bin: one.difference for one in panel.comparisons if one.area == "IT"}
    assert len(by_bin) == 17
    assert by_bin["0-10"].neurons == 0
    assert by_bin["0-10"].verdict == "not told apart"
    assert by_bin["60-70"].neurons == 10
    assert panel.edges[:2] == ((0, 10), (10, 20))


def test_a_comparison_calls_nothing_better_whose_interval_includes_0() -> None:
    def describe(value: float, low: float, high: float, bin_: str | None = None) -> str:
        difference = Difference(value=value, low=low, high=high, neurons=1200)
        return Comparison(
            area="IT", model="a", against="b", bin=bin_, difference=difference
        ).describe()

    assert describe(0.1, 0.05, 0.2) == (
        "IT: a is above b (+0.100, 95 % interval over 1,200 neurons +0.050 to +0.200)"
    )
    assert describe(-0.1, -0.2, -0.05).startswith("IT: a is below b (-0.100")
    assert describe(0.1, -0.05, 0.2, "70-80").startswith(
        "IT, 70-80 ms: a and b are not told apart"
    )
    nan = float("nan")
    assert describe(0.1, nan, nan).endswith("(+0.100, 95 % interval over 1,200 neurons not known)")
    assert describe(nan, nan, nan) == "IT: a and b have no neuron and bin in common"


def test_without_a_fit_all_stimuli_are_scored_and_given_time_is_kept(drawn: Dynamic) -> None:
    (moving, still) = make_models(drawn)
    timing = Timing(offset=30)
    panel = score_models([moving], drawn.assembly, ["V4"], Ridge(), splits=2, timing=timing)
    (scores,) = panel.models
    assert (panel.held_in, panel.comparisons) == (0, ())
    assert (scores.time, scores.time_fit) == (TimeMapping(10, 30), None)
    layers = map_times(drawn.layers, drawn.steps, TimeMapping(10, 30), drawn.assembly.bins)
    mapped = Features(stimuli=drawn.stimuli, layers=layers, source="moving.npz")
    fits = fit_layers(mapped, drawn.assembly, ["V4"], Ridge(), splits=2)
    for one, other in zip(scores.areas[0].fits, fits, strict=True):
        assert one.result.by_split == pytest.approx(other.result.by_split, nan_ok=True)
    # Without controls models are compared with the first; of one split, nothing is.
    both = [moving, replace(still, control=False)]
    (first, *_) = score_models(both, drawn.assembly, ["V4"], Ridge(), splits=2).comparisons
    assert (first.model, first.against) == ("still", "moving")
    lone = score_models(both, drawn.assembly, ["V4"], Ridge(), splits=1)
    assert lone.comparisons == ()
    assert (lone.models[0].areas[0].layer, lone.models[0].areas[0].scored) == (None, None)


def test_a_second_axis_is_bins_unless_something_is_said_of_time(drawn: Dynamic) -> None:
    layers = {"low": np.repeat(drawn.layers["low"], 2, axis=1)[:, :16]}
    plain = Features(stimuli=drawn.stimuli, layers=layers, source="f.npz")
    model = Model(name="f", features=plain)
    assert score_models([model], drawn.assembly, ["V4"], Ridge(), splits=1).models[0].time is None
    timing = Timing(milliseconds=10, offset=0)
    steps = score_models([model], drawn.assembly, ["V4"], Ridge(), splits=1, timing=timing)
    assert steps.models[0].time == TimeMapping(10, 0)


def test_models_that_cannot_be_scored_together(drawn: Dynamic) -> None:
    moving, still = make_models(drawn)
    with pytest.raises(InputError, match="--features: two are named still; write NAME=FILE"):
        score_models([still, still], drawn.assembly, [], Ridge())
    untimed = replace(moving, milliseconds=None)
    with pytest.raises(DataError, match=r"moving.npz: steps: nothing says how long a step lasts"):
        score_models([untimed], drawn.assembly, [], Ridge(), timing=Timing(offset=10))
    flat = replace(drawn.assembly, values=drawn.assembly.values[:, :, :1], bins={})
    with pytest.raises(DataError, match="time_bin: the recording has none"):
        score_models([moving], flat, [], Ridge())
