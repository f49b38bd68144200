from __future__ import annotations

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.splits import halve_repetitions, split_stimuli


def test_nine_tenths_are_fitted_and_the_rest_is_scored() -> None:
    splits = split_stimuli(50)
    assert len(splits) == 10
    for split in splits:
        assert (len(split.train), len(split.test)) == (45, 5)
        assert sorted([*split.train, *split.test]) == list(range(50))
    again = split_stimuli(50)
    assert all((a.test == b.test).all() for a, b in zip(splits, again, strict=True))


def test_every_object_has_its_share_of_a_split() -> None:
    objects = np.array(["bear", "car", "dog", "plane"] * 20)
    for split in split_stimuli(80, objects):
        assert np.unique(objects[split.test], return_counts=True)[1].tolist() == [2] * 4


@pytest.mark.parametrize(
    ("count", "objects"), [(1, None), (4, ["a", "a", "a", "b"]), (6, ["a", "b", "c"] * 2)]
)
def test_too_few_stimuli_are_one_error(count: int, objects: list[str] | None) -> None:
    with pytest.raises(DataError, match=f"{count} stimuli: cannot be split .*give more stimuli"):
        split_stimuli(count, objects)


def test_repetitions_are_halved() -> None:
    for one, other in halve_repetitions(7):
        assert (len(one), len(other)) == (3, 4)
        assert sorted([*one, *other]) == list(range(7))
    with pytest.raises(DataError, match="there is 1 only; consistency needs two"):
        halve_repetitions(1)
