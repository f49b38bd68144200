"""Packs: a data set decoded and resized once, for every trial of a node to map into memory.

A pack is a folder: for each split (`train`, `validation`, `test`) `SPLIT.images.npy` (uint8
[N,H,W,C]) and `SPLIT.labels.npy` (int64 [N]), and `manifest.json` with the classes, the statistics
of the training split and the SHA-256 of every file. Packs of campaigns of before have no
`validation`. The checksum is a hash of the manifest, so equal checksums mean equal images on any
machine. `packing.py` writes packs.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.arrays import map_array
from workers.data.manifest import (
    MANIFEST,
    Manifest,
    SplitName,
    alteration,
    read_manifest,
    verify_files,
)
from workers.job import PackRef, ScoredSplit


@dataclass(frozen=True)
class Pack:
    """A pack on the disk, opened. Arrays are mapped, not read, so opening one costs nothing."""

    path: Path
    manifest: Manifest

    @classmethod
    def load(
        cls, path: str | Path, checksum: str | None = None, *, verify: bool = False
    ) -> "Pack":
        """The pack in the folder `path`.

        Sizes are always compared with the manifest; contents where a file's time or size is not
        what it was when last read through, or with `verify`. Raises DataError that names what was
        altered, or if the checksum is not the one that the caller expects.
        """
        pack = cls(path=Path(path), manifest=read_manifest(Path(path)))
        if checksum is not None and checksum != pack.checksum:
            problem = f"holds other images (checksum {pack.checksum[:12]}, not {checksum[:12]})"
            raise DataError(str(path), problem, "pack the data again from the same files")
        verify_files(pack.path, pack.manifest.files, always=verify)
        for split in pack.manifest.counts:
            pack.images(split)  # an array that is not of the manifest's shape is found here
        return pack

    def images(self, split: SplitName) -> NDArray[np.uint8]:
        """[N,H,W,C], mapped read-only."""
        return np.asanyarray(self._images[split])

    def labels(self, split: SplitName) -> NDArray[np.int64]:
        """[N], each an index into `classes`. Raises DataError for any other label."""
        return np.asarray(self._labels[split])

    @cached_property
    def _images(self) -> dict[SplitName, NDArray[Any]]:
        sides = (self.size, self.size, self.channels)
        return {
            split: self._map(f"{split}.images.npy", "|u1", (count, *sides))
            for split, count in self.manifest.counts.items()
        }

    @cached_property
    def _labels(self) -> dict[SplitName, NDArray[Any]]:
        labels_by_split: dict[SplitName, NDArray[Any]] = {}
        for split, count in self.manifest.counts.items():
            name = f"{split}.labels.npy"
            labels_by_split[split] = labels = self._map(name, "<i8", (count,))
            if labels.min() < 0 or labels.max() >= len(self.classes):
                problem = f"holds labels outside of its {len(self.classes)} classes"
                raise alteration(self.path / name, problem)
        return labels_by_split

    def _map(self, name: str, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
        cure = f"delete {self.path} and pack the data again"
        return map_array(self.path / name, dtype=dtype, shape=shape, error=DataError, cure=cure)

    def count(self, split: SplitName) -> int:
        """The number of images in a split."""
        return self.manifest.counts[split]

    @property
    def ref(self) -> PackRef:
        """What a job needs to find this pack again."""
        return PackRef(path=str(self.path.resolve()), checksum=self.checksum)

    @property
    def checksum(self) -> str:
        """The hash of the manifest, and through it of every image."""
        return self.manifest.checksum

    @property
    def spec(self) -> dict[str, Any]:
        """The written form of the DataSpec that this was packed from."""
        return dict(self.manifest.spec)

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in the order of the labels."""
        return list(self.manifest.classes)

    @property
    def splits(self) -> dict[SplitName, int]:
        """The number of images by split: train, validation (if there is one), test."""
        counts = self.manifest.counts
        return {split: counts[split] for split in get_args(SplitName) if split in counts}

    @property
    def selection(self) -> ScoredSplit:
        """The split that a search decides by: test in packs of before, which lack validation."""
        return self.scored("validation")

    def scored(self, wanted: ScoredSplit) -> ScoredSplit:
        """The split of the scores of a recipe that wants `wanted` (Recipe.score_on)."""
        return self.manifest.scored(wanted)

    def guess(self, split: SplitName) -> float:
        """Top-1 on a split of the best constant answer: its most frequent class."""
        labels = self.labels(split)
        return float(np.bincount(labels).max() / len(labels))

    @property
    def size(self) -> int:
        """The images' height and width in pixels."""
        return self.manifest.size

    @property
    def channels(self) -> int:
        """1 (grey), 3 (red, green, blue), or as many as the data set has."""
        return self.manifest.channels

    @property
    def mean(self) -> list[float]:
        """The training split's mean by channel, black 0 to white 1."""
        return list(self.manifest.mean)

    @property
    def std(self) -> list[float]:
        """The training split's standard deviation by channel, black 0 to white 1."""
        return list(self.manifest.std)


def find_pack(root: Path, checksum: str) -> Pack | None:
    """The pack of this checksum in the folder `root`, if it is there.

    Raises DataError if it is, and was altered.
    """
    for manifest in sorted(root.glob(f"*/{MANIFEST}")):
        try:
            candidate = read_manifest(manifest.parent).checksum
        except DataError:  # another pack's damage is not the caller's concern
            continue
        if candidate == checksum:
            return Pack.load(manifest.parent, checksum)
    return None
