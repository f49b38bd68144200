from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from space.errors import DataError
from workers.brains.correlation import Floats
from workers.brains.solution_times import (
    Solved,
    find_crossings,
    read_out_discriminability,
    score_order,
    solve_images,
)
from workers.brains.splits import Indices, split_stimuli

STARTS = np.arange(70.0, 250, 10)
NAN = np.nan


@pytest.mark.parametrize(
    ("values", "threshold", "time"),
    [
        ([0.0, 0.5, 1.5, 3.0], 1.0, 85.0),  # half the way from 80 to 90
        ([2.0, 0.0, 3.0, 3.0], 1.0, 70.0),  # at the first step
        ([1.0, 1.0, 1.0, 1.0], 1.0, 70.0),
        ([0.0, 0.1, 0.2, 0.3], 1.0, NAN),  # never
        ([0.8, 0.0, 0.2, 1.8], 1.0, 76.0),  # from the best step before, which was the first
        ([NAN, NAN, 1.8, 1.8], 1.0, 90.0),
        ([NAN, 0.0, NAN, 2.0], 1.0, 90.0),
        ([-2.0, -1.0, 0.0, 0.0], -1.5, 75.0),
        ([0.0, 1.0, 2.0, 3.0], NAN, NAN),  # an image that the animal does not solve
    ],
)
def test_crossings_are_interpolated(values: list[float], threshold: float, time: float) -> None:
    times = find_crossings(np.array([values]), STARTS[:4], np.array([threshold]))
    assert times == pytest.approx([time], nan_ok=True)


def cross_literally(values: list[float], starts: list[float], threshold: float) -> float:
    """The definition, a step at a time: remember the best step below the threshold until one is
    at or above it.
    """
    last: tuple[float, float] | None = None
    for start, value in zip(starts, values, strict=True):
        if value < threshold and (last is None or last[1] < value):
            last = start, value
        if value >= threshold:
            if last is None:
                return start
            slope = (value - last[1]) / (start - last[0])
            return last[0] + (threshold - last[1]) / slope
    return NAN


STEPS = st.one_of(st.floats(-5, 5).map(lambda value: round(value, 2)), st.just(NAN))


@settings(max_examples=50)
@given(st.lists(st.lists(STEPS, min_size=6, max_size=6), min_size=1, max_size=4), STEPS)
def test_crossings_are_those_of_the_literal_definition(
    rows: list[list[float]], threshold: float
) -> None:
    starts = STARTS[:6]
    times = find_crossings(np.array(rows), starts, np.full(len(rows), threshold))
    expected = [cross_literally(row, starts.tolist(), threshold) for row in rows]
    assert times == pytest.approx(expected, abs=1e-9, nan_ok=True)


def draw_rising(images: int = 150, steps: int = 6) -> tuple[Floats, Indices, Indices]:
    """Features whose signal begins at a step of each image's own: features, labels, onsets."""
    random = np.random.RandomState(4)
    labels = np.arange(images) % 3
    onsets = random.randint(0, steps, images)
    there = np.arange(steps) >= onsets[:, None]
    signal = 4 * np.eye(3)[labels][:, None, :] * there[:, :, None]
    features = np.concatenate([signal, np.zeros((images, steps, 1))], axis=2)
    features[:, :, :3] += 0.3 * random.randn(images, steps, 3)
    return features, labels, onsets


REACHED = 0.8
"""Below the d' of every image with a signal, above that of every one without."""


def test_images_are_solved_in_the_order_of_their_signals() -> None:
    features, labels, onsets = draw_rising()
    splits = split_stimuli(150, splits=3)
    starts = STARTS[:6]
    solved = solve_images(features, labels, starts, np.full(150, REACHED), splits)
    for row, tested, split in zip(solved.times, solved.tested, splits, strict=True):
        assert np.flatnonzero(tested).tolist() == sorted(split.test.tolist())
        assert np.isnan(row[split.train]).all()
    animal = starts[onsets]
    score = score_order(solved, animal, draws=50)
    assert score.center > 0.9
    assert score.low < score.center < score.high
    assert score.low > 0.8
    assert score.by_split.shape == (3,)
    assert score.center == pytest.approx(score.by_split.mean())
    assert score.error == pytest.approx(score.by_split.std() / np.sqrt(3))
    assert 0.9 * score.images <= score.solved <= score.images == solved.tested.any(axis=0).sum()
    other = score_order(solved, np.random.RandomState(0).permutation(animal), draws=50)
    assert other.center < 0.6
    assert other.low < 0 < other.high


def test_groups_of_images_are_scored_apart() -> None:
    features, labels, onsets = draw_rising()
    solved = solve_images(
        features, labels, STARTS[:6], np.full(150, REACHED), split_stimuli(150, splits=3)
    )
    early = onsets < 3
    animal = np.where(early, STARTS[onsets], -STARTS[onsets])  # the late ones the other way round
    assert score_order(solved, animal, early, draws=5).center > 0.8
    assert score_order(solved, animal, ~early, draws=5).center < -0.8
    unsolved = np.where(early, STARTS[onsets], np.nan)
    score = score_order(solved, unsolved, draws=5)
    assert score.images == (solved.tested.any(axis=0) & early).sum()
    assert score.center == score_order(solved, animal, early, draws=5).center


def test_the_correlation_is_spearman_s_over_what_both_solve() -> None:
    random = np.random.RandomState(5)
    times = np.round(random.rand(2, 30), 1)
    times[0, :5] = np.nan
    animal = np.round(random.rand(30), 1)
    animal[25:] = np.nan
    score = score_order(Solved(times=times, tested=np.ones((2, 30), dtype=bool)), animal, draws=5)
    expected = [
        spearmanr(times[0, 5:25], animal[5:25]).statistic,
        spearmanr(times[1, :25], animal[:25]).statistic,
    ]
    assert score.by_split == pytest.approx(expected, abs=1e-12)


def test_a_step_without_signal_has_no_discriminability() -> None:
    features, labels, _ = draw_rising(60)
    features[:, 2] = 0.7
    (split,) = split_stimuli(60, labels, splits=1)
    values = read_out_discriminability(features, labels, split)
    assert values.shape == (6, 6)
    assert (values[:, 2] == 0).all()
    assert np.isfinite(values).all()


def test_features_and_labels_that_have_no_solution_times() -> None:
    features, labels, _ = draw_rising(60)
    (split,) = split_stimuli(60, labels, splits=1)
    still = np.repeat(features[:, :1], 6, axis=1)
    with pytest.raises(DataError, match="features: are the same at all time steps; trace"):
        solve_images(still, labels, STARTS, np.ones(60), [split])
    still[0, 0, 0] = np.nan
    with pytest.raises(DataError, match="features: have 1 numbers that are not finite"):
        solve_images(still, labels, STARTS, np.ones(60), [split])
    labels[split.test] = 3
    with pytest.raises(DataError, match="labels: object 3 is in no training image"):
        read_out_discriminability(features, labels, split)


def test_the_order_is_undefined_where_too_few_are_solved_by_both() -> None:
    animal = np.array([80.0, 90, 100, NAN])
    times = np.array([[70.0, 80, 90, 70], [70, 80, NAN, 70], [90, 90, 90, 90]])
    tested = np.ones((3, 4), dtype=bool)
    score = score_order(Solved(times=times, tested=tested), animal, draws=20)
    assert score.by_split == pytest.approx([1, NAN, NAN], nan_ok=True)
    assert (score.center, score.error, score.solved, score.images) == (1, 0, 3, 3)
    assert np.isnan([score.low, score.high]).all()  # most draws have two images or fewer
    nothing = score_order(Solved(times=times * NAN, tested=tested), animal, draws=20)
    assert np.isnan([nothing.center, nothing.error, nothing.low]).all()
    assert (nothing.solved, nothing.images) == (0, 3)
