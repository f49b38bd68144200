"""A NumPy archive as a data set: labelled arrays of images in one `.npz` file.

Keys: `train_images` [N,H,W] or [N,H,W,C] of uint8 and `train_labels` [N]; likewise `test_*` and
`validation_*`, which may be absent; `classes` [K], the classes' names, where labels are numbers.
Labels may be texts instead: these are the names, in alphabetical order. Images of another side
than is asked for are resized.
"""

import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from space.documents.bounds import IMAGE_CHANNELS
from space.documents.outside import open_regular, printable
from space.errors import DataError
from workers import files
from workers.arrays import read_values
from workers.data.drawing import HELD_OUT, draw_held_out, keep_part
from workers.data.images import Images, resize
from workers.data.source import DatasetInfo, Integers, Source, Split
from workers.data.specs import Npz

_SPLITS = ("train", "validation", "test")
_NAMES = (*(f"{s}_{what}" for s in _SPLITS for what in ("images", "labels")), "classes")

Arrays = Mapping[str, NDArray[np.generic]]


def open_npz(spec: Npz) -> Source:
    """The images of an archive. Raises DataError for what is not one, or lacks an array."""
    path = Path(spec.path).expanduser()
    arrays = _read_arrays(path)
    classes, labels = _read_labels(path, arrays)
    if absent := sorted(set(range(len(classes))) - set(labels["train"].tolist())):
        _refuse(path, f"has no training image of the class {printable(classes[absent[0]])}")
    pictures = {split: _images_of(path, arrays, split, len(labels[split])) for split in labels}
    if len(kinds := {images.shape[3] for images in pictures.values()}) > 1:
        _refuse(path, f"has images of {' and of '.join(map(str, sorted(kinds)))} channels")

    def read(images: Images, indices: Integers) -> Images:
        if images.shape[1:3] == (spec.size, spec.size):
            return images[indices]
        return np.stack([_resized(image, spec.size) for image in images[indices]])

    splits = {
        name: Split(labels=labels[name], read=partial(read, images))
        for name, images in pictures.items()
    }
    held_out = "test_images"
    if "test" not in splits:
        held_out = HELD_OUT
        splits |= _hold_out(path, splits["train"], spec.seed)
    return Source(
        classes=classes,
        channels=kinds.pop(),
        fingerprint=f"npz-1 {files.sha256(path)}",
        splits=splits,
        held_out=held_out,
        validation="validation_images" if "validation" in splits else "",
    )


def describe_npz() -> DatasetInfo:
    """The line of `ventral data list`."""
    return DatasetInfo(
        name="npz",
        images="your own",
        classes="your own",
        sizes="any",
        origin="path: FILE.npz with train_images and train_labels, and perhaps validation_* and "
        "test_*",
        available=True,
    )


def _refuse(path: Path, problem: str, cure: str = "see docs/own-data.md") -> NoReturn:
    raise DataError(printable(str(path)), problem, cure)


def _read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of an archive by the names that are known; no pickles. Raises DataError."""
    with open_regular(path, DataError) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
                if unknown := sorted(set(members) - set(_NAMES)):
                    _refuse(path, f"has an array {printable(unknown[0])}, which nothing reads")
                arrays = dict[str, NDArray[np.generic]]()
                for name, info in members.items():
                    with archive.open(info) as member:
                        arrays[name] = read_values(member, info.file_size)
        except DataError:
            raise
        except Exception as error:  # noqa: BLE001  (zipfile and NumPy raise anything for damage)
            reason = printable(str(error)) or type(error).__name__
            _refuse(path, f"cannot be read ({reason})", "write it by np.savez")
    for name in ("train_images", "train_labels"):
        if name not in arrays:
            _refuse(path, f"has no array {name}")
    return arrays


def _read_labels(path: Path, arrays: Arrays) -> tuple[tuple[str, ...], dict[str, Integers]]:
    """The classes' names, and by split the index [N] of each image's class."""
    there = [split for split in _SPLITS if f"{split}_images" in arrays]
    written: dict[str, NDArray[np.generic]] = {}
    for split in there:
        if (labels := arrays.get(f"{split}_labels")) is None:
            _refuse(path, f"has no array {split}_labels")
        if labels.ndim != 1 or labels.dtype.kind not in "iuU":
            problem = f"{split}_labels are {labels.dtype} {list(labels.shape)}"
            _refuse(path, problem, "give [N] whole numbers from 0, or [N] names")
        written[split] = labels
    if len({labels.dtype.kind == "U" for labels in written.values()}) > 1:
        _refuse(path, "has labels that are numbers and labels that are names")
    if written["train"].dtype.kind == "U":
        names = sorted({str(name) for labels in written.values() for name in labels})
        places = {name: place for place, name in enumerate(names)}
        return tuple(names), {
            split: np.array([places[str(name)] for name in labels], dtype=np.int64)
            for split, labels in written.items()
        }
    numbers = {split: labels.astype(np.int64) for split, labels in written.items()}
    highest = max(int(labels.max(initial=0)) for labels in numbers.values())
    named = arrays.get("classes")
    classes = [*map(str, range(highest + 1))] if named is None else [str(name) for name in named]
    if highest >= len(classes) or min(int(n.min(initial=0)) for n in numbers.values()) < 0:
        _refuse(path, f"has labels that are not from 0 to {len(classes) - 1}")
    return tuple(classes), numbers


def _images_of(path: Path, arrays: Arrays, split: str, count: int) -> Images:
    """The images of a split, [N,H,W,C]."""
    images = arrays[f"{split}_images"]
    if images.dtype != np.uint8:
        cure = "give uint8 pixels of 0 to 255: (255 * images).round().astype(np.uint8) of 0..1"
        _refuse(path, f"{split}_images are {images.dtype}", cure)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[1] != images.shape[2] or not images.size:
        _refuse(path, f"{split}_images have the shape {list(images.shape)}", "give [N,S,S,C]")
    if images.shape[3] > IMAGE_CHANNELS:
        cure = f"give [N,S,S,C], channels last, of at most {IMAGE_CHANNELS} channels"
        _refuse(path, f"{split}_images have the shape {list(images.shape)}", cure)
    if len(images) != count:
        _refuse(path, f"has {len(images)} {split}_images and {count} {split}_labels")
    return images.astype(np.uint8, copy=False)


def _resized(image: Images, size: int) -> Images:
    """[H,W,C] -> [size,size,C], channel by channel."""
    planes = [resize(np.ascontiguousarray(plane), size) for plane in np.moveaxis(image, 2, 0)]
    return np.stack(planes, axis=-1)


def _hold_out(path: Path, train: Split, seed: int) -> dict[str, Split]:
    """The training images as training and test images. Raises DataError for too few of a class."""
    rest, held_out = draw_held_out(train.labels, seed)
    if lone := set(train.labels.tolist()) - set(train.labels[rest].tolist()):
        _refuse(path, f"has too few images of class {min(lone)}", "give a class two or more")
    return {"train": keep_part(train, rest), "test": keep_part(train, held_out)}
