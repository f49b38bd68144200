"""Data sets by name: a part of one is exact, or refused."""

import pytest

from space.errors import DataError
from workers.data.datasets import open_source
from workers.data.specs import Digits


def test_a_part_larger_than_the_whole_is_refused() -> None:
    with pytest.raises(DataError, match=r"train_images: 5000 asked for, 1200 there"):
        open_source(Digits(train_images=5000))


def test_a_part_without_a_class_that_is_tested_is_refused() -> None:
    with pytest.raises(DataError, match=r"train_images: 9: none of them is of the class '\d'"):
        open_source(Digits(train_images=9))
