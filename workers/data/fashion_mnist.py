"""Fashion-MNIST: four IDX files, gzipped or not."""

import hashlib
import os
from pathlib import Path

import numpy as np

from space.errors import DataError
from workers.data.idx import read_idx
from workers.data.images import Images, resize
from workers.data.source import SPLITS, DatasetInfo, Integers, Source, Split
from workers.data.specs import FashionMnist

FOLDER = "/usr/share/datasets/fashion-mnist"
VARIABLE = "VENTRAL_FASHION_MNIST"

_FILES = {"train": "train", "test": "t10k"}
_CURE = (
    "`apt-get install dataset-fashion-mnist`, or name the folder of the four IDX files by `path` "
    f"or in {VARIABLE}"
)
_CLASSES = (
    *("t-shirt", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


def find_folder(path: str | None) -> Path:
    """Where the IDX files are looked for: `path`, the variable, or Debian's package."""
    return Path(path or os.environ.get(VARIABLE) or FOLDER).expanduser()


def _file(folder: Path, split: str, part: str) -> Path:
    plain = folder / f"{_FILES[split]}-{part}-ubyte"
    packed = plain.with_name(plain.name + ".gz")
    return packed if packed.exists() or not plain.exists() else plain


def _missing_file(folder: Path) -> Path | None:
    parts = ("images-idx3", "labels-idx1")
    wanted = [_file(folder, split, part) for split in SPLITS for part in parts]
    return next((path for path in wanted if not path.exists()), None)


def open_fashion_mnist(spec: FashionMnist) -> Source:
    """Fashion-MNIST at the size of `spec`. Raises DataError if a file is missing or damaged."""
    folder = find_folder(spec.path)
    if (missing := _missing_file(folder)) is not None:
        raise DataError(str(missing), "no such file", _CURE)
    digest = hashlib.sha256()
    splits = {}
    for split in SPLITS:
        images, labels = (
            read_idx(_file(folder, split, part), dimensions, _CURE, digest.update)
            for part, dimensions in (("images-idx3", 3), ("labels-idx1", 1))
        )
        if len(images) != len(labels) or not len(images):
            problem = f"{len(images)} {split} images and {len(labels)} labels"
            raise DataError(str(folder), problem, _CURE)
        if labels.max() > 9:
            raise DataError(str(folder), f"a label {labels.max()} above 9", _CURE)

        def read(indices: Integers, images: Images = images) -> Images:
            return np.stack([resize(images[index], spec.size) for index in indices])[..., None]

        splits[split] = Split(labels=labels.astype(np.int64), read=read)
    return Source(
        classes=_CLASSES,
        channels=1,
        fingerprint=f"fashion-mnist-1 {digest.hexdigest()}",
        splits=splits,
    )


def describe_fashion_mnist() -> DatasetInfo:
    """The line of `ventral data list`: whether its files are on this machine."""
    folder = find_folder(None)
    missing = _missing_file(folder)
    return DatasetInfo(
        name="fashion-mnist",
        images="60,000 + 10,000",
        classes="10",
        sizes="any (28)",
        origin=str(folder),
        available=missing is None,
        note="" if missing is None else _CURE,
    )
