from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.behaviour import (
    Trials,
    average_distractors,
    compare_probabilities,
    count_confusions,
    index_trials,
    measure_discriminability,
    measure_i1,
    measure_i2n,
    score_behaviour,
)
from workers.brains.correlation import Floats
from workers.brains.splits import Indices


def draw_choices() -> tuple[Floats, Trials, Indices]:
    """A model's probabilities, choices, and each image's object: brainscore-vision 2.4.2 gave the
    values below for them.
    """
    random = np.random.RandomState(3)
    truth = np.arange(24) // 6
    latent = random.randn(24, 4)
    latent[np.arange(24), truth] += 1.5
    exponent = np.exp(latent + 0.3 * random.randn(24, 4))
    rows: list[tuple[int, int, int, int]] = []
    for image, own in enumerate(truth.tolist()):
        for other in {*range(4)} - {own}:
            right = 1 / (1 + np.exp(latent[image, other] - latent[image, own]))
            for _ in range(20):
                choice = own if random.rand() < right else other
                rows.append((image, own, other, choice))
    image_, truth_, distractor, choice_ = np.array(rows)[random.permutation(1440)].T
    trials = Trials(
        image=image_,
        truth=truth_,
        distractor=distractor,
        choice=choice_,
        images=24,
        objects=4,
    )
    return exponent / exponent.sum(axis=1, keepdims=True), trials, truth


def test_i2n_is_that_of_brain_score() -> None:
    model, trials, truth = draw_choices()
    result = score_behaviour(model, trials, truth)
    assert result.raw == pytest.approx([0.65352, 0.648434], abs=5e-6)
    assert result.raw.mean() == pytest.approx(0.65097737, abs=1e-8)
    assert result.ceiling == pytest.approx([0.647232, 0.551863], abs=5e-7)
    assert result.ceiling.mean() == pytest.approx(0.59954761, abs=1e-8)
    assert result.score == pytest.approx(0.842598, abs=5e-7)


def test_discriminability_of_confusions_by_hand() -> None:
    # z(1 - 0.2) - z(mean of how often images of the other object are taken for this one).
    truth = np.array([0, 0, 1, 1])
    confusions = np.array([[np.nan, 0.2], [np.nan, 0.4], [0.1, np.nan], [0.3, np.nan]])
    z = {0.2: -0.8416212335729143, 0.3: -0.5244005127080407, 0.4: -0.2533471031357997}
    values = measure_discriminability(confusions, truth)
    assert values[0, 1] == pytest.approx(-z[0.2] - z[0.2])
    assert values[1, 1] == pytest.approx(-z[0.4] - z[0.2])
    assert values[3, 0] == pytest.approx(-z[0.3] - z[0.3])
    assert np.isnan(values[[0, 1, 2, 3], truth]).all()
    assert average_distractors(values)[0] == pytest.approx(-2 * z[0.2])
    assert measure_i1(confusions, truth)[1] == pytest.approx(-z[0.4] - z[0.2])
    normalised = measure_i2n(confusions, truth)
    assert normalised[0, 1] == pytest.approx((z[0.4] - z[0.2]) / 2)
    assert np.nansum(normalised) == pytest.approx(0)


def test_certain_answers_are_clipped() -> None:
    truth = np.array([0, 1])
    values = measure_discriminability(np.array([[np.nan, 0], [0, np.nan]]), truth)
    assert values[0, 1] == 5
    values = measure_discriminability(np.array([[np.nan, 1], [1, np.nan]]), truth)
    assert values[0, 1] == -5


def test_confusions_of_choices_and_of_probabilities() -> None:
    columns = [["a", "a", "a", "b"], ["x", "x", "x", "y"], ["y", "y", "z", "x"]]
    trials = index_trials([*columns, ["x", "y", "x", "x"]], ["a", "b"], ["x", "y", "z"])
    confusions = count_confusions(trials)
    assert confusions[0, 1:].tolist() == [0.5, 0]
    assert confusions[1, 0] == 1
    assert np.isnan([confusions[0, 0], confusions[1, 1], confusions[1, 2]]).all()
    probabilities = np.array([[0.6, 0.2, 0.2], [0.0, 0.0, 1.0]])
    model = compare_probabilities(probabilities, np.array([0, 1]))
    assert model[0, 1:] == pytest.approx([0.25, 0.25])
    assert model[1, 2] == 1
    assert np.isnan([model[0, 0], model[1, 0], model[1, 1]]).all()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"choice": np.array([2])}, "choice: have 1 choices that were not offered"),
        ({"distractor": np.array([0])}, "distractor: is the object in the image"),
        ({"image": np.array([0, 1])}, r"trials: have arrays of \[1, 2\] trials"),
    ],
)
def test_trials_that_cannot_be(changes: dict[str, Any], line: str) -> None:
    fields = {"image": [0], "truth": [0], "distractor": [1], "choice": [0]}
    arrays = {key: np.array(item) for key, item in fields.items()} | changes
    with pytest.raises(DataError, match=line):
        Trials(**arrays, images=1, objects=3)


def test_unknown_names_are_one_error() -> None:
    with pytest.raises(DataError, match="truth: is 'w' in 1 trials, which is not known; give one"):
        index_trials([["a"], ["w"], ["x"], ["x"]], ["a"], ["x", "y"])
