from __future__ import annotations

import numpy as np
import pytest

from workers.brains.differences import average_neurons, compare_scores

NAN = np.nan


def test_a_difference_is_of_medians_and_paired() -> None:
    random = np.random.RandomState(0)
    control = 0.5 + 0.2 * random.randn(60)
    model = control + 0.05 + 0.01 * random.randn(60)
    difference = compare_scores(model, control)
    assert difference.neurons == 60
    assert difference.value == pytest.approx(np.median(model) - np.median(control))
    # Neurons differ four times as much as the models do: paired, the models are told apart.
    assert difference.verdict == "above"
    assert 0 < difference.low < 0.05 < difference.high < 0.1
    assert compare_scores(control, model).verdict == "below"
    assert compare_scores(model, control) == difference
    unpaired = compare_scores(model, random.permutation(control))
    assert unpaired.high - unpaired.low > 2 * (difference.high - difference.low)
    assert unpaired.verdict == "not told apart"


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.RandomState(1)
    hits = 0
    for _ in range(200):
        control = random.randn(40)
        model = control + 0.3 + 0.5 * random.randn(40)
        difference = compare_scores(model, control, resamples=400)
        hits += difference.low <= 0.3 <= difference.high
    assert 180 <= hits <= 200


def test_nothing_is_said_of_what_is_not_there() -> None:
    nothing = compare_scores(np.array([0.5, NAN]), np.array([NAN, 0.3]))
    assert nothing.neurons == 0
    assert np.isnan(nothing.value)
    assert nothing.verdict == "not told apart"
    one = compare_scores(np.array([0.5, NAN]), np.array([0.2, 0.3]))
    assert one.value == pytest.approx(0.3)
    assert one.neurons == 1
    assert np.isnan(one.low)
    assert one.verdict == "not told apart"
    same = np.linspace(0, 1, 9)
    assert compare_scores(same, same).verdict == "not told apart"


def test_neurons_are_averaged_over_what_both_have() -> None:
    first = np.array([[[0.2, 0.4], [0.1, NAN]], [[0.6, NAN], [0.3, NAN]]])
    second = np.array([[[0.1, 0.1], [NAN, 0.2]], [[0.1, 0.9], [NAN, 0.2]]])
    one, other = average_neurons(first, second)
    assert one == pytest.approx([0.4, NAN], nan_ok=True)
    assert other == pytest.approx([0.1, NAN], nan_ok=True)
