"""The contract of data sets (workers/data/source.py) as tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from space.documents.bounds import IMAGE_CHANNELS
from space.documents.extensions import parse_options
from workers.data.source import SPLITS, OfferedDataSet, Source, Split

IMAGES = 40
"""At most so many images of a split are read."""


class DataSetSuite:
    """Holds a data set to its contract; derive a class `Test...` that says which one.

    `kind` is the data set's class, `options` are options of it, `size` is a side in pixels that
    it can give. Few images are enough.
    """

    kind: ClassVar[type[OfferedDataSet]]
    options: ClassVar[Mapping[str, Any]] = {}
    size: ClassVar[int] = 16

    @pytest.fixture
    def source(self) -> Source:
        """The data set, opened anew."""
        options = parse_options(self.kind, self.options, "options")
        return self.kind(self.size, 0, options).open()

    @pytest.fixture
    def again(self) -> Source:
        """The same data set, opened a second time."""
        options = parse_options(self.kind, self.options, "options")
        return self.kind(self.size, 0, options).open()

    @pytest.fixture
    def version(self) -> str:
        """What the author calls the images as they are."""
        return self.kind.version

    def test_it_lists_its_splits(self, source: Source) -> None:
        """Labels are places in `classes`; every class that is tested can be learned.

        A validation split of its own has every class, since a search decides by it. Images of one
        origin are of one class: they stay together where a validation split is taken from train.
        """
        assert set(source.splits) - {"validation"} == set(SPLITS)
        assert 1 <= source.channels <= IMAGE_CHANNELS
        for split in source.splits.values():
            assert split.labels.ndim == 1
            assert split.labels.dtype.kind in "iu"
            assert len(split.labels)
            assert split.labels.min() >= 0
            assert split.labels.max() < len(source.classes)
        seen = {name: set(split.labels.tolist()) for name, split in source.splits.items()}
        assert seen["test"] <= seen["train"]
        assert seen.get("validation", seen["train"]) == seen["train"]
        for split in source.splits.values():
            if split.origins is not None:
                assert split.origins.shape == split.labels.shape
                assert split.origins.dtype.kind in "iu"
                pairs = set(zip(split.origins.tolist(), split.labels.tolist(), strict=True))
                assert len(pairs) == len(set(split.origins.tolist()))

    def test_classes_have_names_of_their_own(self, source: Source) -> None:
        """They stand in reports and in exports."""
        assert all(isinstance(name, str) and name for name in source.classes)
        assert len(set(source.classes)) == len(source.classes)

    @pytest.mark.parametrize("split", SPLITS)
    def test_images_are_bytes_of_the_size(self, source: Source, split: str) -> None:
        """[n,H,W,C] for n places, also for one."""
        shape = (self.size, self.size, source.channels)
        for part in _open_parts(source, split):
            for count in (1, min(IMAGES, len(part.labels))):
                images = part.read(np.arange(count))
                assert images.dtype == np.uint8
                assert images.shape == (count, *shape)

    @pytest.mark.parametrize("split", SPLITS)
    def test_an_image_is_the_same_in_any_company(self, source: Source, split: str) -> None:
        """In whatever order places are asked for, alone or with others, twice in one question."""
        for part in _open_parts(source, split):
            places = np.arange(min(IMAGES, len(part.labels)))
            images = part.read(places)
            np.testing.assert_array_equal(part.read(places[::-1]), images[::-1])
            np.testing.assert_array_equal(part.read(places[-1:]), images[-1:])
            np.testing.assert_array_equal(part.read(np.array([0, 0])), images[[0, 0]])

    def test_opened_again_it_is_the_same(self, source: Source, again: Source) -> None:
        """A pack that was lost is made again, and scores are compared by it."""
        assert again.classes == source.classes
        assert again.fingerprint == source.fingerprint
        for name, split in source.splits.items():
            other, places = again.splits[name], np.arange(min(IMAGES, len(split.labels)))
            np.testing.assert_array_equal(other.labels, split.labels)
            np.testing.assert_array_equal(other.read(places), split.read(places))

    def test_images_differ(self, source: Source) -> None:
        """Images of one colour teach nothing."""
        split = source.splits["train"]
        images = split.read(np.arange(min(IMAGES, len(split.labels))))
        assert images.std() > 0

    def test_it_says_its_version_and_fingerprint(self, source: Source, version: str) -> None:
        """By these a pack is known to be stale."""
        assert isinstance(version, str)
        assert version
        assert isinstance(source.fingerprint, str)

    def test_the_current_folder_plays_no_part(
        self, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Packs are made wherever a campaign is submitted."""
        place = np.arange(1)
        before = source.splits["train"].read(place)
        monkeypatch.chdir(tmp_path)
        np.testing.assert_array_equal(source.splits["train"].read(place), before)


def _open_parts(source: Source, name: str) -> list[Split]:
    """A split of the data set; a validation split of its own goes with `train`."""
    names = [name, "validation"] if name == "train" else [name]
    return [source.splits[name] for name in names if name in source.splits]
