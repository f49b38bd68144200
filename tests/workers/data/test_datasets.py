"""Data sets by name: a part of one is exact, or refused."""

import pytest

from space.errors import DataError
from ventral.testing import DataSetSuite
from workers.data.datasets import open_source
from workers.data.source import Source
from workers.data.specs import DataSpec, Digits, DigitsOccluded


def test_a_part_larger_than_the_whole_is_refused() -> None:
    with pytest.raises(DataError, match=r"train_images: 5000 asked for, 1200 there"):
        open_source(Digits(train_images=5000))


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
