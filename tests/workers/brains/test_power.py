"""How often an experiment finds the network that the neurons read from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from space.errors import DataError
from tests.support.teachers import draw_teacher
from workers.brains.power import (
    analyse_power,
    change_repetitions,
    estimate_power,
    list_offsets,
)
from workers.brains.simulation import Experiment
from workers.brains.time_controls import make_static

EXPERIMENT = Experiment(
    neurons=12, repetitions=10, latency=40, areas={"V4": ("conv2",), "IT": ("conv3",)}
)


def test_good_data_find_the_teacher_its_layers_and_its_latency() -> None:
    teacher = draw_teacher(80)
    rivals = {"static": make_static(teacher), "other": draw_teacher(80, seed=1)}
    power = estimate_power(teacher, rivals, EXPERIMENT, draws=5)
    assert (power.images, power.neurons, power.repetitions) == (80, 12, 10)
    assert (power.draws, power.first, power.recovered) == (5, 5, 5)
    assert power.preferred == 1
    assert power.lost == {"static": 0, "other": 0}
    assert power.scores["drawn"] > power.scores["static"] > power.scores["other"]
    assert abs(power.scores["other"]) < 0.1, "it is of no use"


def test_noise_hides_them() -> None:
    teacher = draw_teacher(40)
    rivals = {str(seed): draw_teacher(40, seed=seed) for seed in range(1, 5)}
    noisy = replace(EXPERIMENT, ceiling=0.01)
    power = estimate_power(teacher, rivals, noisy, draws=10)
    assert power.first < 8
    assert power.recovered is not None
    assert power.recovered < 10
    assert power.preferred < 0.75
    assert sum(power.lost.values()) >= 10 - power.first


def test_a_twin_of_the_teacher_s_features_is_as_good() -> None:
    teacher = draw_teacher(40)
    power = estimate_power(teacher, {"same": teacher}, EXPERIMENT, draws=2, latency=False)
    assert (power.first, power.lost, power.recovered) == (0, {"same": 2}, None)


def test_draws_that_are_analysed_together_do_not_see_each_other() -> None:
    teacher = draw_teacher(40)
    rivals = {"static": make_static(teacher)}
    several = estimate_power(teacher, rivals, EXPERIMENT, draws=2, latency=False)
    one = estimate_power(teacher, rivals, EXPERIMENT, draws=1, latency=False)
    again = estimate_power(teacher, rivals, EXPERIMENT, draws=2, latency=False)
    assert several == again
    assert one.scores["drawn"] != several.scores["drawn"]
    assert one.scores["drawn"] == pytest.approx(several.scores["drawn"], abs=0.1)


def test_every_size_is_tried_and_fewer_repetitions_have_a_lower_ceiling() -> None:
    teacher = draw_teacher(60)
    rivals = {"static": make_static(teacher)}
    sizes = {"images": [30, 60], "repetitions": [1, 10]}
    rows = [*analyse_power(teacher, rivals, EXPERIMENT, sizes, draws=2, latency=False)]
    assert [(row.images, row.neurons, row.repetitions) for row in rows] == [
        (30, 12, 1),
        (30, 12, 10),
        (60, 12, 1),
        (60, 12, 10),
    ]
    assert rows[1].ceiling == pytest.approx(0.8)
    assert rows[0].ceiling == pytest.approx(0.8 / (10 - 9 * 0.8))
    assert rows[3].scores["drawn"] > rows[2].scores["drawn"]
    assert change_repetitions(EXPERIMENT, 20).ceiling == pytest.approx(1.6 / 1.8)


def test_too_few_images_are_refused_before_anything_is_drawn() -> None:
    teacher = draw_teacher(40)
    rivals = {"static": make_static(teacher)}
    rows = analyse_power(teacher, rivals, EXPERIMENT, {"images": [40, 31]}, draws=1)
    with pytest.raises(DataError, match=r"images: 31 are too few .*; give 32 or more"):
        next(rows)
    (row,) = analyse_power(teacher, rivals, EXPERIMENT, {"images": [32]}, draws=1)
    assert row.images == 32
    with pytest.raises(DataError, match="images: 41 of 40; give 1 to 40"):
        next(analyse_power(teacher, rivals, EXPERIMENT, {"images": [40, 41]}, draws=1))


def test_offsets_around_the_true_one_are_tried() -> None:
    assert list_offsets(EXPERIMENT) == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    early = replace(EXPERIMENT, latency=15, bin=5)
    assert list_offsets(early) == [0, 5, 10, 15, 20, 25, 30, 35]


def test_networks_that_cannot_be_compared_are_refused() -> None:
    teacher = draw_teacher(40)
    for rivals in ({}, {"drawn": draw_teacher(40)}):
        with pytest.raises(DataError, match="rivals: there is none of another name"):
            estimate_power(teacher, rivals, EXPERIMENT)
    with pytest.raises(DataError, match="rivals: other has other stimuli than drawn"):
        estimate_power(teacher, {"other": draw_teacher(41)}, EXPERIMENT)
