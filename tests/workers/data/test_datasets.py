"""Data sets by name: a part of one is exact, or refused."""

import numpy as np
import pytest

from space.errors import DataError, InputError
from tests.support.datasets import pixels
from ventral.testing import DataSetSuite
from workers.data.datasets import open_source
from workers.data.source import Source
from workers.data.specs import DataSpec, Digits, DigitsOccluded, data_spec


def test_a_part_larger_than_the_whole_is_refused() -> None:
    beside = "1080 there beside 120 for validation; write 1080 or fewer, or less validation"
    with pytest.raises(DataError, match=f"train_images: 1200 asked for, {beside}"):
        open_source(Digits(train_images=1200))
    with pytest.raises(DataError, match=r"train_images: 5000 asked for, 1200 there; write 1200"):
        open_source(Digits(train_images=5000, validation=0))
    with pytest.raises(DataError, match=r"test_images: 598 asked for, 597 there; write 597"):
        open_source(Digits(test_images=598))


def test_validation_images_are_taken_from_those_of_training_before_a_part_of_these_is_kept() -> (
    None
):
    """What is selected by does not depend on how many images are trained on, nor on test."""
    whole, few, before = (
        open_source(Digits(train_images=kept, validation=part))
        for kept, part in ((None, 0.1), (64, 120), (None, 0))
    )
    counts = {name: len(split.labels) for name, split in few.splits.items()}
    assert counts == {"train": 64, "validation": 120, "test": 597}
    np.testing.assert_array_equal(pixels(whole, "validation"), pixels(few, "validation"))
    np.testing.assert_array_equal(pixels(whole, "test"), pixels(before, "test"))
    divided = np.concatenate([pixels(whole, name) for name in ("train", "validation")])
    assert sorted(map(bytes, divided)) == sorted(map(bytes, pixels(before, "train")))
    assert whole.validation == "120 of the training images, every class in proportion"
    assert set(before.splits) == {"train", "test"}
    assert before.validation == ""


def test_copies_of_a_digit_stay_in_one_split() -> None:
    source = open_source(DigitsOccluded(copies=3))
    origins = [set(source.splits[name].origins.tolist()) for name in ("train", "validation")]  # type: ignore[union-attr]
    assert [len(part) for part in origins] == [1080, 120]
    assert not set.intersection(*origins)
    assert len(source.splits["validation"].labels) == 360
    with pytest.raises(DataError, match=r"validation: 100: images of one origin .* write 99"):
        open_source(DigitsOccluded(copies=3, validation=100))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (0.001, "0.001 leaves no image to validate on of the class '0', which has 119; write 11"),
        (5, "5 leaves no image to validate on of the class '0'"),
        (1199, "1199 leaves no image to train on of the class '0'"),
        (1200, "1200 asked for, and the training images are 1200; write a share"),
    ],
)
def test_a_part_for_validation_that_leaves_a_class_empty_is_refused(
    part: float, message: str
) -> None:
    with pytest.raises(DataError, match=f"validation: {message}"):
        open_source(Digits(validation=part))
    if message.endswith("write 11"):
        assert len(open_source(Digits(validation=11)).splits["validation"].labels) == 11


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (-0.1, "-0.1 is not at least 0"),
        (1.5, "1.5 is neither a share nor a number of images; write a share below 1, or 1 or 2"),
        ("a tenth", '"a tenth" is not a number'),
    ],
)
def test_what_is_neither_a_share_nor_a_number_is_refused(written: object, problem: str) -> None:
    with pytest.raises(InputError, match=f"data.validation: {problem}"):
        data_spec({"name": "digits", "validation": written}, "data")


def test_a_number_of_images_is_one_spec_however_it_is_written() -> None:
    whole, point = (data_spec({"name": "digits", "validation": part}) for part in (120, 120.0))
    assert whole == point
    assert whole.model_dump_json() == point.model_dump_json()


def test_a_part_without_a_class_that_is_tested_is_refused() -> None:
    with pytest.raises(DataError, match=r"train_images: 9: none of them is of the class '\d'"):
        open_source(Digits(train_images=9))


class TestBuiltIn(DataSetSuite):
    """Those that need no files keep the contract of other packages' data sets."""

    @pytest.fixture(params=[Digits(size=16), DigitsOccluded(size=16)], ids=lambda spec: spec.name)
    def spec(self, request: pytest.FixtureRequest) -> DataSpec:
        return request.param  # type: ignore[no-any-return]

    @pytest.fixture
    def source(self, spec: DataSpec) -> Source:
        return open_source(spec)

    @pytest.fixture
    def again(self, spec: DataSpec) -> Source:
        return open_source(spec)

    @pytest.fixture
    def version(self, source: Source) -> str:
        return source.fingerprint
