from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.errors import DataError
from tests.support.recordings import BRAIN_SCORE, draw_linear, score_layers
from workers.brains.assembly import Assembly, make_assembly
from workers.brains.maps import Pls, Ridge
from workers.brains.scores import Features, measure_ceilings, read_features


def record(bins: int = 1) -> Assembly:
    """The recording of `draw_linear` as presentations in a shuffled order."""
    recording = draw_linear()
    stimuli, repetitions, neurons = recording.responses.shape
    order = np.random.RandomState(8).permutation(stimuli * repetitions)
    which, number = (part.ravel()[order] for part in np.indices((stimuli, repetitions)))
    values = recording.responses[which, number]
    shown = {
        "stimulus_id": recording.stimuli[which],
        "repetition": number,
        "object_name": recording.objects[which],
    }
    known = {"neuroid_id": np.arange(neurons), "region": np.array([*["V4"] * 4, *["IT"] * 8])}
    start = 70 + 10 * np.arange(bins)
    return make_assembly(
        "it.nc",
        "netCDF",
        np.repeat(values[:, :, None], bins, axis=2),
        {
            "presentation": shown,
            "neuroid": known,
            "time_bin": {"time_bin_start": start, "time_bin_end": start + 10},
        },
    )


def present(**layers: Any) -> Features:
    """Features of the recording's stimuli and of one more, in another order."""
    recording = draw_linear()
    layers = layers or {"stage5": recording.features}
    order = np.random.RandomState(9).permutation(121)
    stimuli = np.append(recording.stimuli, "more")[order]
    rows = {name: np.concatenate([part, part[:1]])[order] for name, part in layers.items()}
    return Features(stimuli=stimuli, layers=rows, source="features.npz")


def test_the_score_of_all_neurons_is_that_of_brain_score() -> None:
    assembly = replace(record(), neurons={"neuroid_id": np.arange(12)})
    (row,) = score_layers(present(), assembly, [], Pls())
    assert (row.layer, row.area, row.bin) == ("stage5", "all", "70-80")
    assert (row.splits, row.neurons, row.stimuli, row.components) == (10, 12, 120, 25)
    assert row.score == pytest.approx(BRAIN_SCORE["score"], abs=1e-6)
    assert row.error == pytest.approx(BRAIN_SCORE["error"], abs=1e-6)
    assert row.ceiling == pytest.approx(BRAIN_SCORE["ceiling"], abs=1e-6)
    assert row.ceiled == pytest.approx(BRAIN_SCORE["ceiled"], abs=1e-6)
    assert np.mean(row.by_split) == pytest.approx(row.score)


def test_a_row_a_layer_area_and_bin() -> None:
    features = draw_linear().features
    moving = np.repeat(features[:, None], 3, axis=1)
    moving[:, 2] = 0  # silent in the last bin
    noise = np.random.RandomState(0).randn(120, 5)
    rows = score_layers(
        present(still=features, moving=moving, noise=noise),
        record(bins=3),
        ["IT", "V4"],
        Ridge(),
        shared=False,
        splits=3,
    )
    assert len(rows) == 2 * 3 * 3
    by_key = {(row.area, row.layer, row.bin): row for row in rows}
    assert [row.area for row in rows[::9]] == ["IT", "V4"]
    for area, neurons in (("IT", 8), ("V4", 4)):
        still = by_key[area, "still", "90-100"]
        assert still.neurons == neurons
        assert still.score > 0.85
        assert by_key[area, "moving", "80-90"].score == pytest.approx(still.score, abs=1e-6)
        assert by_key[area, "moving", "90-100"].score == 0
        assert by_key[area, "moving", "90-100"].ceiled == 0
        assert abs(by_key[area, "noise", "70-80"].score) < 0.5


def test_the_ceiling_of_published_averages_is_their_reliability() -> None:
    assembly = record()
    average = assembly.arrange().values.mean(axis=1, keepdims=True)
    assert np.isnan(measure_ceilings(assembly, average)).all()
    reliability = np.array([*[0.5] * 5, *[0.7] * 6, np.nan])
    with_it = replace(assembly, neurons={**assembly.neurons, "reliability": reliability})
    assert measure_ceilings(with_it, average) == pytest.approx([0.7])
    assert measure_ceilings(with_it, assembly.arrange().values) == pytest.approx(
        [BRAIN_SCORE["ceiling"]], abs=1e-6
    )


def test_features_that_do_not_fit_the_recording() -> None:
    features = present()
    fewer = Features(
        stimuli=np.char.replace(features.stimuli, "s000", "t000"),
        layers=features.layers,
        source="features.npz",
    )
    with pytest.raises(DataError) as caught:
        score_layers(fewer, record(), [], Pls())
    assert str(caught.value).startswith(
        "features.npz: lacks 10 of 120 stimuli of it.nc: s0000, s0001, s0002 and 7 more; "
        "its own are more, s0010, s0011"
    )
    with pytest.raises(DataError, match=r"features.npz: a: have the shape \[120, 3, 5\]"):
        score_layers(present(a=np.ones((120, 3, 5))), record(2), [], Pls())
    with pytest.raises(DataError, match=r"it.nc: has no neuron in V1; it has IT, V4"):
        score_layers(features, record(), ["V4", "V1"], Pls())


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"a": np.ones((2, 3))}, r"has no array stimulus_id \[stimuli\]; it has a"),
        ({"stimulus_id": np.array([*"ab"])}, "has no layer; give an array"),
        (
            {"stimulus_id": np.array([*"ab"]), "a": np.ones((3, 2))},
            r"a has the shape \[3, 2\]; give \[2 stimuli, features\]",
        ),
        ({"stimulus_id": np.array([*"ab"]), "a": np.array([["x"], ["y"]])}, "a is of <U1"),
        ({"stimulus_id": np.array([*"aa"]), "a": np.ones((2, 2))}, "has a stimulus_id twice"),
        (
            {"stimulus_id": np.array([*"ab"]), "a": np.ones((2, 2)), "b:steps": np.arange(2)},
            "b:steps is of no layer; the arrays are a, stimulus_id",
        ),
        (
            {"stimulus_id": np.array([*"ab"]), "a": np.ones((2, 3, 2)), "a:steps": np.arange(2)},
            "a:steps are no steps; give rising whole numbers from 0, one for each step of a",
        ),
    ],
)
def test_what_is_no_file_of_features(tmp_path: Path, arrays: dict[str, Any], line: str) -> None:
    path = tmp_path / "features.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=line):
        read_features(path)


def test_a_file_says_which_steps_it_has(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    arrays: dict[str, Any] = {"stimulus_id": np.array([*"ab"]), "a": np.ones((2, 3, 2))}
    np.savez(path, **arrays)
    assert read_features(path).steps is None
    arrays["a:steps"] = np.arange(2, 5)
    np.savez(path, **arrays)
    features = read_features(path)
    assert features.steps == {"a": (2, 3, 4)}
    assert list(features.layers) == ["a"]


def test_bins_without_features_have_no_score() -> None:
    features = draw_linear().features
    wide = np.random.RandomState(0).randn(40, 400)
    moving = np.repeat((features @ wide)[:, None], 3, axis=1)  # more features than samples
    moving[:, 0] = np.nan
    rows = score_layers(present(moving=moving), record(bins=3), ["IT"], Ridge(), splits=2)
    assert [row.neurons for row in rows] == [0, 8, 8]
    assert np.isnan(rows[0].score)
    assert rows[0].ceiling == pytest.approx(rows[1].ceiling)
    still = score_layers(present(still=features), record(bins=3), ["IT"], Ridge(), splits=2)
    assert rows[1].score == pytest.approx(still[1].score, abs=0.02)
