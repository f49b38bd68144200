"""Simulated recordings: what was asked for is in them, and the truth says what is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from space.errors import DataError
from tests.support.teachers import bin_features, draw_teacher
from workers.brains.consistency import measure_consistency
from workers.brains.correlation import correlate_columns
from workers.brains.read_out import find_solution_times
from workers.brains.simulation import (
    Experiment,
    draw_averages,
    place_areas,
    place_bins,
    simulate,
)

AREAS = {"V4": ("conv2",), "IT": ("conv2", "conv3")}
EXPERIMENT = Experiment(neurons=21, latency=40, areas=AREAS)


@pytest.mark.parametrize(("ceiling", "repetitions"), [(0.3, 2), (0.8, 10), (0.95, 24)])
def test_the_consistency_is_the_one_asked_for(ceiling: float, repetitions: int) -> None:
    experiment = replace(EXPERIMENT, neurons=60, ceiling=ceiling, repetitions=repetitions)
    made = simulate(draw_teacher(400), experiment)
    measured = measure_consistency(made.assembly.arrange().values).by_neuron
    preferred = made.truth.preferred
    for layer, first in (("conv2", 5), ("conv3", 6)):
        places = [place for place, name in enumerate(preferred) if name == layer]
        responding = measured[places, first:]
        assert responding.mean(axis=0) == pytest.approx(ceiling, abs=0.03), layer
        assert measured[places, :first].mean() == pytest.approx(0, abs=0.1), "it rests"


def test_without_noise_a_neuron_is_a_weighted_sum_of_its_layer() -> None:
    teacher = draw_teacher(80)
    made = simulate(teacher, replace(EXPERIMENT, ceiling=1))
    averages = made.assembly.arrange().averages
    np.testing.assert_allclose(averages, made.signal, atol=1e-5)
    features = bin_features(teacher, EXPERIMENT)
    assert set(made.truth.preferred) == {"conv2", "conv3"}
    for neuron, layer in enumerate(made.truth.preferred):
        design = features[layer].reshape(-1, 12)
        weights, *_ = np.linalg.lstsq(design, made.signal[:, neuron].ravel(), rcond=None)
        np.testing.assert_allclose(design @ weights, made.signal[:, neuron].ravel(), atol=1e-10)
        assert (np.abs(weights) > 1e-10).sum() == 8, "it reads a few units"


def test_bins_are_averages_of_steps() -> None:
    """A step of 20 ms from 33 ms on: the bin of 30 to 40 ms is of it for seven tenths."""
    teacher = draw_teacher(30)
    experiment = replace(EXPERIMENT, latency=33, milliseconds=20)
    bins = place_bins(teacher.end, experiment)
    assert (bins[0], bins[-1], len(bins)) == ((0, 10), (140, 150), 15)
    values, here = teacher.layers["conv1"], bin_features(teacher, experiment)["conv1"]
    assert not here[:, :3].any()
    np.testing.assert_allclose(here[:, 3], 0.7 * values[:, 0])
    np.testing.assert_allclose(here[:, 4], values[:, 0])
    np.testing.assert_allclose(here[:, 5], 0.3 * values[:, 0] + 0.7 * values[:, 1])


def test_areas_layers_and_coordinates_are_those_of_the_truth() -> None:
    made = simulate(draw_teacher(20), EXPERIMENT, seed=3)
    assert made.assembly.areas == {"IT": 10, "V4": 11}
    assert made.assembly.neurons["region"].tolist() == [*made.truth.areas]
    by_area = {
        area: sorted(
            p for p, a in zip(made.truth.preferred, made.truth.areas, strict=True) if a == area
        )
        for area in AREAS
    }
    assert by_area["V4"] == ["conv2"] * 11
    assert by_area["IT"] == ["conv2"] * 5 + ["conv3"] * 5
    facts = json.loads(json.dumps(made.truth.document()))
    assert facts["latency"] == 40
    assert facts["preferred"] == [*made.truth.preferred]
    assert facts["seed"] == 3


def test_a_seed_is_a_recording() -> None:
    teacher = draw_teacher(20)
    first, again, other = (simulate(teacher, EXPERIMENT, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.assembly.values, again.assembly.values)
    assert first.truth == again.truth
    assert not np.array_equal(first.signal, other.signal)


def test_the_order_of_the_teacher_s_stimuli_does_not_matter() -> None:
    teacher = draw_teacher(20)
    assert teacher.objects is not None
    turned = replace(
        teacher,
        stimuli=teacher.stimuli[::-1],
        layers={name: values[::-1] for name, values in teacher.layers.items()},
        objects=teacher.objects[::-1],
    )
    first, second = (simulate(one, EXPERIMENT) for one in (teacher, turned))
    np.testing.assert_allclose(first.assembly.values, second.assembly.values, atol=1e-6)
    assert first.assembly.stimulus_ids.tolist() == second.assembly.stimulus_ids.tolist()
    assert first.assembly.describe_stimuli("object_name") is not None


def test_averages_are_drawn_as_a_recording_s_are() -> None:
    """The power analysis draws averages at once: their noise has the size of a recording's."""
    teacher = draw_teacher(400)
    made = simulate(teacher, EXPERIMENT, seed=2)
    drawn = draw_averages(teacher, EXPERIMENT, seed=2)
    assert drawn.preferred == made.truth.preferred
    recorded = made.assembly.arrange().averages - made.signal
    noise = drawn.averages - made.signal
    np.testing.assert_allclose(noise.std(axis=0), recorded.std(axis=0), rtol=0.2)


def test_solution_times_are_those_of_the_noiseless_neurons() -> None:
    made = simulate(draw_teacher(60), EXPERIMENT)
    assert list(made.truth.solved) == sorted(made.truth.solved)
    times = np.array([np.nan if time is None else time for time in made.truth.solved.values()])
    centres = np.arange(10, dtype=np.float64) * 10 + 5
    objects = np.array([f"o{place % 2}" for place in range(60)])
    np.testing.assert_array_equal(times, find_solution_times(made.signal, objects, centres))
    unknown = replace(draw_teacher(60), objects=None)
    assert simulate(unknown, EXPERIMENT).truth.solved == {}


def test_layers_are_placed_in_areas() -> None:
    assert place_areas([*"abcdef"]) == {"V4": ("c", "d"), "IT": ("e", "f")}
    assert place_areas(["a", "b"]) == {"V4": ("a",), "IT": ("b",)}
    assert place_areas(["a"]) == {"IT": ("a",)}


def test_dead_units_are_not_read_and_dead_layers_are_refused() -> None:
    teacher = draw_teacher(30)
    teacher.layers["conv2"][:, :, :6] = 0
    teacher.layers["conv2"][:, :, 6] = np.nan
    made = simulate(teacher, EXPERIMENT)
    assert np.isfinite(made.assembly.values).all()
    teacher.layers["conv3"][:] = 1
    with pytest.raises(DataError, match="drawn: conv3: has no finite unit that varies"):
        simulate(teacher, EXPERIMENT)


def test_a_neuron_that_cannot_tell_stimuli_apart_in_a_bin_rests_there() -> None:
    teacher = draw_teacher(200)
    teacher.layers["conv2"][:, 2] = 1.0
    made = simulate(teacher, replace(EXPERIMENT, areas={"IT": ("conv2",)}))
    halves = made.assembly.arrange().values[:, :, :, 7]
    even, odd = halves[:, ::2].mean(axis=1), halves[:, 1::2].mean(axis=1)
    assert abs(np.median(correlate_columns(even, odd))) < 0.1
    assert (even.std(axis=0) > 0).all(), "there is noise"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"neurons": 0}, "neurons: 0 of them; give 1 or more"),
        ({"neurons": 1}, "neurons: 1 for 2 areas; give 2 or more"),
        ({"repetitions": 0}, "repetitions: 0 of them; give 1 or more"),
        ({"ceiling": 0.0}, "ceiling: 0; give a share above 0, at most 1"),
        ({"ceiling": 1.5}, "ceiling: 1.5; give a share above 0, at most 1"),
        ({"latency": float("nan")}, "latency: nan ms; give 0 or more"),
        ({"milliseconds": 0.0}, "milliseconds: 0 ms; give more than 0"),
        ({"bin": -1.0}, "bin: -1 ms; give more than 0"),
        ({"areas": {"IT": ()}}, "areas: an area has no layer; name one or more for each"),
        (
            {"areas": {"IT": ("conv9",)}},
            "drawn: IT prefers conv9, which it has not; its layers are conv1, conv2, conv3",
        ),
        ({"bin": 500.0}, "bin: 500 ms, and the last step ends at 100 ms; give narrower bins"),
    ],
)
def test_an_experiment_that_cannot_be_is_one_error(changes: dict[str, object], text: str) -> None:
    with pytest.raises(DataError) as error:
        simulate(draw_teacher(20), replace(EXPERIMENT, **changes))  # type: ignore[arg-type]
    assert str(error.value) == text


def test_the_first_stimuli_are_chosen() -> None:
    teacher = draw_teacher(20)
    few = teacher.choose(7)
    assert few.stimuli.tolist() == teacher.stimuli[:7].tolist()
    assert {values.shape[0] for values in few.layers.values()} == {7}
    with pytest.raises(DataError, match="images: 21 of 20; give 1 to 20"):
        teacher.choose(21)
