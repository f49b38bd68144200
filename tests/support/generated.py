"""What every data set that is drawn keeps: the contract of all, and splits that share nothing."""

from typing import ClassVar, get_args

import numpy as np
import pytest

from ventral.testing import DataSetSuite
from workers.data.datasets import open_source
from workers.data.manifest import SplitName
from workers.data.source import Source
from workers.data.specs import DataSpec


class GeneratedSuite(DataSetSuite):
    """Derive a class `Test...` with the `spec`, of 32 pixels."""

    spec: ClassVar[DataSpec]
    size = 32

    @pytest.fixture
    def source(self) -> Source:
        return open_source(self.spec)

    @pytest.fixture
    def again(self) -> Source:
        return open_source(self.spec)

    @pytest.fixture
    def version(self, source: Source) -> str:
        return source.fingerprint

    def test_every_split_of_a_pack_is_there_with_every_class(self, source: Source) -> None:
        assert set(source.splits) == set(get_args(SplitName))
        for split in source.splits.values():
            assert set(split.labels.tolist()) == set(range(len(source.classes)))

    def test_no_image_is_in_two_splits(self, source: Source) -> None:
        images = [split.read(np.arange(10)) for split in source.splits.values()]
        assert len({image.tobytes() for split in images for image in split}) == 10 * len(images)
