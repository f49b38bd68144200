"""The suite of data sets finds the faults that it is for."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from ventral.testing import DataSetSuite
from workers.data.datasets import open_source
from workers.data.images import Images
from workers.data.source import Integers, Source, Split
from workers.data.specs import Digits

SUITE = DataSetSuite()
SOURCE = open_source(Digits(size=16, train_images=60, test_images=30))
CALLS = itertools.count()


def with_reader(read: Callable[[Integers, Images], NDArray[Any]]) -> Source:
    """The digits, of whose images something else is made."""

    def changed(split: Split) -> Split:
        return replace(split, read=lambda places: cast(Images, read(places, split.read(places))))

    return replace(SOURCE, splits={name: changed(part) for name, part in SOURCE.splits.items()})


def in_company(places: Integers, images: Images) -> Images:
    return images + np.uint8(len(places))


def numbered(_places: Integers, images: Images) -> Images:
    return images + np.uint8(next(CALLS))


def with_labels(labels: NDArray[Any]) -> Source:
    return with_split("train", labels=labels)


def with_split(name: str, **changes: Any) -> Source:
    """The digits with one of their splits changed."""
    return replace(SOURCE, splits=SOURCE.splits | {name: replace(SOURCE.splits[name], **changes)})


@pytest.mark.parametrize(
    ("source", "check"),
    [
        (with_split("validation", labels=np.zeros(120, int)), SUITE.test_it_lists_its_splits),
        (with_split("train", origins=np.zeros(60, int)), SUITE.test_it_lists_its_splits),
        (with_split("train", origins=np.zeros(59, int)), SUITE.test_it_lists_its_splits),
        (
            with_split("validation", read=lambda places: np.zeros((len(places), 8, 8, 1))),
            lambda source: SUITE.test_images_are_bytes_of_the_size(source, "train"),
        ),
        (replace(SOURCE, splits={}), SUITE.test_it_lists_its_splits),
        (replace(SOURCE, channels=0), SUITE.test_it_lists_its_splits),
        (with_labels(np.full(60, 10)), SUITE.test_it_lists_its_splits),
        (with_labels(np.zeros(60, dtype=np.int64)), SUITE.test_it_lists_its_splits),
        (with_labels(np.zeros(60)), SUITE.test_it_lists_its_splits),
        (replace(SOURCE, classes=("0",) * 10), SUITE.test_classes_have_names_of_their_own),
        (replace(SOURCE, classes=("",)), SUITE.test_classes_have_names_of_their_own),
        (with_reader(lambda _, images: images * 0), SUITE.test_images_differ),
        (
            with_reader(lambda _, images: images / 255),
            lambda source: SUITE.test_images_are_bytes_of_the_size(source, "test"),
        ),
        (
            with_reader(lambda _, images: images[:, 1:]),
            lambda source: SUITE.test_images_are_bytes_of_the_size(source, "train"),
        ),
        (
            with_reader(in_company),
            lambda source: SUITE.test_an_image_is_the_same_in_any_company(source, "test"),
        ),
        (
            with_reader(numbered),
            lambda source: SUITE.test_opened_again_it_is_the_same(source, SOURCE),
        ),
    ],
)
def test_a_fault_is_found(source: Source, check: Callable[[Source], None]) -> None:
    with pytest.raises(AssertionError):
        check(source)
    check(SOURCE)


def test_a_path_that_starts_at_the_current_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Path.cwd()

    def read(_places: Integers, images: Images) -> Images:
        return images + np.uint8(Path.cwd() == here)

    with pytest.raises(AssertionError):
        SUITE.test_the_current_folder_plays_no_part(with_reader(read), tmp_path, monkeypatch)
