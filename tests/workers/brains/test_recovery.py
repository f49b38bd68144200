"""Whether the methods find what is true: recordings simulated from a network that we know.

The teacher is a small recurrent network; its rivals are its static twin, the same weights without
each of the gates, and networks with other cells or weights. Its neurons read from three stages.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from tests.support.recordings import score_layers
from tests.support.teachers import TEACHER, build_candidates, trace_networks
from workers.brains.correlation import Floats
from workers.brains.data_stimuli import write_stimuli
from workers.brains.power import estimate_power
from workers.brains.predictivity import predict_neurons
from workers.brains.quick_ridge import QuickRidge
from workers.brains.read_out import find_solution_times
from workers.brains.scores import Features
from workers.brains.simulation import Experiment, Simulation, Teacher, simulate
from workers.brains.splits import split_stimuli
from workers.brains.time_controls import make_static, remove_time_average, shuffle_steps
from workers.brains.timing import TimeMapping, list_uncovered, map_times
from workers.data.specs import Digits, DigitsOccluded

STATIC = "static"
IMAGES = 150
EXPERIMENT = Experiment(
    neurons=60,
    repetitions=10,
    ceiling=0.8,
    latency=50,
    areas={"V4": ("conv2", "conv3"), "IT": ("conv3", "conv4")},
)


def trace(names: Collection[str] | None, folder: Path, units: int) -> dict[str, Teacher]:
    """The teacher, its static twin and networks of these names, all of them for None; of each
    layer so many units.
    """
    stimuli = write_stimuli(DigitsOccluded(size=16), IMAGES, folder / "stimuli")
    built = build_candidates()
    chosen = {name: built[name] for name in built if names is None or name in names}
    traced = trace_networks(chosen, stimuli, folder / "traces", units)
    return traced | {STATIC: make_static(traced[TEACHER])}


def list_rivals(networks: Mapping[str, Teacher]) -> dict[str, Teacher]:
    return {name: network for name, network in networks.items() if name != TEACHER}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Teacher]:
    """Four: the teacher, and those that are hardest to tell from it."""
    names = (TEACHER, "without out->cell times", "without cell->cell keep")
    return trace(names, tmp_path_factory.mktemp("few"), 48)


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Teacher]:
    """All twelve; of conv2 a quarter of its units, all of the others."""
    return trace(None, tmp_path_factory.mktemp("all"), 128)


def bin_network(network: Teacher, recording: Simulation) -> Features:
    """Its features in the recording's bins, by the true latency."""
    time = TimeMapping(recording.truth.milliseconds, recording.truth.latency)
    layers = map_times(network.layers, network.steps, time, recording.assembly.bins)
    return Features(stimuli=network.stimuli, layers=layers, source=network.source)


def test_a_few_draws_find_the_teacher(networks: dict[str, Teacher]) -> None:
    power = estimate_power(networks[TEACHER], list_rivals(networks), EXPERIMENT, draws=3)
    assert (power.first, power.recovered) == (3, 3), power
    assert power.preferred >= 0.8


@pytest.mark.slow
def test_a_hundred_draws_find_the_teacher_among_twelve(candidates: dict[str, Teacher]) -> None:
    assert len(candidates) == 12
    power = estimate_power(candidates[TEACHER], list_rivals(candidates), EXPERIMENT, draws=100)
    print(power)  # the counts of this machine
    assert power.first >= 95, power
    assert power.recovered is not None
    assert power.recovered >= 95, power
    assert power.preferred >= 0.8, power


def test_a_static_twin_falls_below_what_dynamics_explain(networks: dict[str, Teacher]) -> None:
    """The ceiled score of the true layer comes near 1; that of its averages over time does not."""
    alone = replace(EXPERIMENT, areas={"IT": ("conv4",)})
    recording = simulate(networks[TEACHER], alone, seed=1)
    ceiled = {}
    for name in (TEACHER, STATIC):
        features = bin_network(networks[name], recording)
        only = replace(features, layers={"conv4": features.layers["conv4"]})
        rows = score_layers(only, recording.assembly, ["IT"], QuickRidge(), splits=4)
        ceiled[name] = np.array([row.ceiled for row in rows if row.ceiling > 0.7])
    assert (ceiled[TEACHER] > 0.9).all()
    assert ceiled[STATIC].mean() < ceiled[TEACHER].mean() - 0.08
    assert ceiled[STATIC][0] < 0.8, "at the onset"
    assert ceiled[STATIC][-1] < 0.95, "after the image"


def test_shuffled_time_is_at_chance(networks: dict[str, Teacher]) -> None:
    """Of responses without their average over time, the teacher's features predict the most, and
    the same features nothing once each image's steps are in an order of their own.
    """
    alone = replace(EXPERIMENT, areas={"IT": ("conv4",)})
    recording = simulate(networks[TEACHER], alone, seed=1)
    values = bin_network(networks[TEACHER], recording).layers["conv4"]
    there = slice(max(list_uncovered(values)) + 1, None)
    responses = recording.assembly.arrange().averages[:, :, there]
    scores: list[Floats] = []
    for features in (values[:, there], shuffle_steps(values[:, there], seed=1)):
        result = predict_neurons(
            remove_time_average(features, axis=1),
            remove_time_average(responses, axis=2),
            split_stimuli(IMAGES, splits=4),
            QuickRidge(),
            shared=True,
        )
        scores.append(result.summary.center)
    moving, shuffled = scores
    assert moving.min() > 0.3
    assert moving.mean() > 0.6
    assert np.abs(shuffled).max() < 0.15
    assert abs(shuffled.mean()) < 0.05


def test_the_order_in_which_images_are_solved_is_found(tmp_path: Path) -> None:
    stimuli = write_stimuli(Digits(size=16), 200, tmp_path / "stimuli")
    teacher = {TEACHER: build_candidates()[TEACHER]}
    traced = trace_networks(teacher, stimuli, tmp_path / "traces")[TEACHER]
    recording = simulate(traced, replace(EXPERIMENT, neurons=100), seed=1)
    true = np.array([np.nan if t is None else t for t in recording.truth.solved.values()])
    objects = recording.assembly.describe_stimuli("object_name")
    assert objects is not None
    bins = recording.assembly.bins
    centres = (bins["time_bin_start"] + bins["time_bin_end"]) / 2
    times = find_solution_times(recording.assembly.arrange().averages, objects, centres)
    both = ~np.isnan(true + times)
    assert both.sum() >= 100
    assert spearmanr(true[both], times[both]).statistic > 0.7
