from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from space.errors import DataError
from tests.workers.brains.test_solution_times import REACHED, STARTS, draw_rising
from workers.brains.animal_times import AnimalTimes
from workers.brains.order_scores import score_layer_orders
from workers.brains.scores import Features


def record(objects: int = 3) -> tuple[Features, AnimalTimes]:
    moving, labels, onsets = draw_rising(60)
    ids = np.array([f"image{i:02}" for i in range(60)])
    animal = AnimalTimes(
        stimuli=ids,
        objects=np.array([f"o{label % objects}" for label in labels]),
        times=STARTS[onsets],
        thresholds=np.full(60, REACHED),
        challenge=None,
        source="monkey.csv",
    )
    order = np.random.RandomState(0).permutation(60)
    layers = {"it": moving[order], "broken": moving[order] * np.nan}
    return Features(stimuli=ids[order], layers=layers, source="features.npz"), animal


def test_the_times_are_those_of_the_bins() -> None:
    features, animal = record()
    (score,) = score_layer_orders(features, animal, ["it"], start=70, width=10, splits=2)
    (later,) = score_layer_orders(features, animal, ["it"], start=0, width=3, splits=2)
    assert (score.layer, score.group) == ("it", "all")
    # An order does not depend on the unit of time.
    assert later.score.center == pytest.approx(score.score.center)
    assert score.document()["spearman"] == score.score.center > 0.7


def test_what_cannot_be_scored_is_named() -> None:
    features, animal = record()
    with pytest.raises(DataError, match=r"features.npz: broken: have 1,440 numbers that are not"):
        score_layer_orders(features, animal, start=70, width=10, splits=1)
    with pytest.raises(DataError, match=r"monkey.csv: has the object o0 only; give images of two"):
        score_layer_orders(features, record(1)[1], ["it"], start=70, width=10, splits=1)
    rare = np.where(np.arange(60) == 7, "rare", animal.objects)
    with pytest.raises(DataError, match=r"monkey.csv: has too few images of rare to fit to; give"):
        score_layer_orders(
            features, replace(animal, objects=rare), ["it"], start=70, width=10, splits=40
        )
