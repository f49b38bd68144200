"""The data sets by name: where their images are and how each is decoded to the asked-for size.

A `Source` lists a data set and decodes any of its images to uint8; `pack.py` writes them down
once. Pixels depend on nothing but the files and the `DataSpec`: the generated data sets draw from
counters (Philox, keyed by seed and image) and count in integers, so every machine gets the same
bytes. Nothing here knows of torch, of training or of where packs are kept.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import assert_never

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from space.documents.outside import printable
from space.errors import DataError
from workers.data.idx import read_idx
from workers.data.image_tree import ImageFile, PassedOver, read_image_tree
from workers.data.images import Framing, read_images
from workers.job import DataSpec, Digits, DigitsOccluded, FashionMnist, ImageFolder

Images = NDArray[np.uint8]
Integers = NDArray[np.int64]
SPLITS = ("train", "test")
FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"
FASHION_VARIABLE = "VENTRAL_FASHION_MNIST"


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split: `labels` [N], and `read(indices [n])` -> images [n,H,W,C] uint8."""

    labels: Integers
    read: Callable[[Integers], Images]


@dataclass(frozen=True, kw_only=True)
class Source:
    """An opened data set. `fingerprint` changes whenever its files do.

    `held_out` says what the `test` split is, `passed_over` what was found and left out.
    """

    classes: tuple[str, ...]
    channels: int
    fingerprint: str
    splits: dict[str, Split]
    held_out: str = "test"
    passed_over: tuple[PassedOver, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """A line of `ventral data list`."""

    name: str
    images: str
    classes: str
    sizes: str
    origin: str
    available: bool
    note: str = ""


def open_source(spec: DataSpec, workers: int = 1) -> Source:
    """The data set that `spec` asks for, listed but not decoded.

    `workers` threads decode image files. Raises DataError if it is missing, or if it holds fewer
    images than asked for.
    """
    match spec:
        case Digits():
            source = _digits(spec)
        case DigitsOccluded():
            source = _digits_occluded(spec)
        case FashionMnist():
            source = _fashion_mnist(spec)
        case ImageFolder():
            source = _image_folder(spec, workers)
        case _:
            assert_never(spec)
    counts = {"train": spec.train_images, "test": spec.test_images}
    splits = {
        name: _part(split, counts[name], spec.seed, f"{name}_images")
        for name, split in source.splits.items()
    }
    if lone := set(splits["test"].labels.tolist()) - set(splits["train"].labels.tolist()):
        problem = f"none of them is of the class {printable(source.classes[min(lone)])!r}"
        raise DataError("train_images", f"{spec.train_images}: {problem}", "write more")
    return replace(source, splits=splits)


def describe() -> list[DatasetInfo]:
    """Every data set that there is, and whether it can be used on this machine."""
    folder = fashion_folder(None)
    missing = _fashion_missing(folder)
    return [
        DatasetInfo(
            name="digits",
            images="1,200 + 597",
            classes="10",
            sizes="multiples of 8 (8)",
            origin="scikit-learn",
            available=True,
            note="nearly solved by any network: for smoke tests",
        ),
        DatasetInfo(
            name="digits-occluded",
            images="1,200 x copies + 597",
            classes="10",
            sizes="multiples of 8 (16)",
            origin="made from scikit-learn's digits",
            available=True,
            note="fragments, an occluder and noise: recurrence helps",
        ),
        DatasetInfo(
            name="fashion-mnist",
            images="60,000 + 10,000",
            classes="10",
            sizes="any (28)",
            origin=str(folder),
            available=missing is None,
            note="" if missing is None else _FASHION_CURE,
        ),
        DatasetInfo(
            name="imagefolder",
            images="your own",
            classes="your own",
            sizes="any",
            origin="path: ROOT with ROOT/train/CLASS/*.jpg and ROOT/val, or ROOT/CLASS/*.jpg",
            available=True,
        ),
    ]


# ---------------------------------------------------------------------------- drawing and picking


def _raw(seed: int, stream: int, count: int) -> NDArray[np.uint64]:
    """`count` draws that depend on (seed, stream) alone, [count] of 64 random bits.

    Bits and not numbers of a Generator, whose methods may change between versions of numpy.
    """
    philox = np.random.Philox(key=np.array([seed, stream], dtype=np.uint64))
    return np.asarray(philox.random_raw(count), dtype=np.uint64)


_DIGITS_STREAM, _PART_STREAM, _HOLDOUT_STREAM = 1 << 48, 2 << 48, 3 << 48


def stratified(labels: Integers, count: int, seed: int, stream: int) -> Integers:
    """`count` indices into `labels` [N], ascending, drawn with every class in proportion."""
    keys = _raw(seed, stream, len(labels))
    share = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranked = members[np.argsort(keys[members], kind="stable")]
        share[ranked] = (np.arange(len(ranked)) + 0.5) / len(ranked)
    return np.sort(np.lexsort((keys, share))[:count])


def _part(split: Split, count: int | None, seed: int, field: str) -> Split:
    if count is None:
        return split
    total = len(split.labels)
    if count > total:
        raise DataError(field, f"{count} asked for, {total} there", f"write {total} or fewer")
    kept = stratified(split.labels, count, seed, _PART_STREAM)
    return Split(labels=split.labels[kept], read=lambda indices: split.read(kept[indices]))


def _resized(image: Images, size: int) -> Images:
    """[H,W] or [H,W,C] -> [size,size(,C)], bilinear with half-pixel centres and antialiasing."""
    if image.shape[:2] == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))


# ----------------------------------------------------------------------------------------- digits


def _load_digits() -> tuple[dict[str, Images], dict[str, Integers]]:
    """scikit-learn's digits as ({split: [N,8,8]}, {split: [N]}), 1200 and 597, fixed."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    labels = labels.astype(np.int64)
    train = stratified(labels, 1200, 0, _DIGITS_STREAM)
    test = np.setdiff1d(np.arange(len(labels)), train)
    parts = {"train": train, "test": test}
    return (
        {name: pixels[part] for name, part in parts.items()},
        {name: labels[part] for name, part in parts.items()},
    )


_DIGIT_NAMES = tuple(str(digit) for digit in range(10))


def _digits(spec: Digits) -> Source:
    images, labels = _load_digits()

    def read(split: str, indices: Integers) -> Images:
        made = [_resized(images[split][index], spec.size) for index in indices]
        return np.stack(made)[..., None]

    splits = {name: Split(labels=labels[name], read=partial(read, name)) for name in SPLITS}
    return Source(classes=_DIGIT_NAMES, channels=1, fingerprint="digits-1", splits=splits)


_SIDE = 16  # the occluded digits are made at this size
_FRAGMENT = 6  # side of a fragment of another digit


def _digits_occluded(spec: DigitsOccluded) -> Source:
    """Digits among `fragments` 6x6 pieces of other digits of the same split, then a rectangle of
    one random grey in front, then noise; made at 16 px, 8 px by average pooling."""
    small, labels = _load_digits()
    images = {
        split: np.stack([_resized(image, _SIDE) for image in pixels])
        for split, pixels in small.items()
    }
    others = {
        split: [np.flatnonzero(labels[split] != digit) for digit in range(10)] for split in SPLITS
    }

    def read(split: str, indices: Integers) -> Images:
        pixels, truth = images[split], labels[split]
        made = []
        for index in indices:
            which = int(index) % len(pixels)
            strangers = pixels[others[split][truth[which]]]
            stream = int(index) + (SPLITS.index(split) << 32)
            made.append(_sized(_occluded(pixels[which], strangers, spec, stream), spec.size))
        return np.stack(made)[..., None]

    counts = {"train": spec.copies, "test": 1}
    splits = {
        name: Split(labels=np.tile(labels[name], counts[name]), read=partial(read, name))
        for name in SPLITS
    }
    fingerprint = "digits-occluded-1"
    return Source(classes=_DIGIT_NAMES, channels=1, fingerprint=fingerprint, splits=splits)


def _occluded(digit: Images, strangers: Images, spec: DigitsOccluded, stream: int) -> Images:
    """One image [16,16] from a digit [16,16] and the digits of other classes [M,16,16]."""
    per_fragment, low_high = 5, spec.occluder
    heads = 5 + per_fragment * spec.fragments
    draws = _raw(spec.seed, stream, heads + 3 * _SIDE * _SIDE)
    ints = [int(draw) for draw in draws[:heads]]
    canvas = digit.copy()
    for place in range(5, heads, per_fragment):
        which, *corners = ints[place : place + per_fragment]
        # From anywhere in a stranger to anywhere in the image.
        y0, x0, y1, x1 = (corner % (_SIDE - _FRAGMENT + 1) for corner in corners)
        piece = strangers[which % len(strangers), y0 : y0 + _FRAGMENT, x0 : x0 + _FRAGMENT]
        window = canvas[y1 : y1 + _FRAGMENT, x1 : x1 + _FRAGMENT]
        np.maximum(window, piece, out=window)
    low, high = low_high
    height, width = (low + draw % (high - low + 1) for draw in ints[:2])
    top, left = ints[2] % (_SIDE - height + 1), ints[3] % (_SIDE - width + 1)
    canvas[top : top + height, left : left + width] = ints[4] % 256
    # Twelve uniform numbers of 16 bits sum to a normal one of standard deviation 1, exactly alike
    # on every machine, which a logarithm or a cosine is not.
    uniform = draws[heads:].astype("<u8").view("<u2").reshape(_SIDE, _SIDE, 12).astype(np.int64)
    normal = (uniform.sum(axis=-1) - 12 * 32767.5) / 65536
    noisy: Images = np.clip(np.rint(canvas + normal * (255 * spec.noise)), 0, 255).astype(np.uint8)
    return noisy


def _sized(image: Images, size: int) -> Images:
    """[16,16] -> [size,size]: average pooling to 8, bilinear else."""
    if size == _SIDE // 2:
        sums = image.reshape(size, 2, size, 2).sum(axis=(1, 3), dtype=np.int64)
        pooled: Images = ((sums + 2) // 4).astype(np.uint8)
        return pooled
    return _resized(image, size)


# ---------------------------------------------------------------------------------- Fashion-MNIST

_FASHION_FILES = {"train": "train", "test": "t10k"}
_FASHION_CURE = (
    "`apt-get install dataset-fashion-mnist`, or name the folder of the four IDX files by `path` "
    f"or in {FASHION_VARIABLE}"
)
_FASHION_NAMES = (
    *("t-shirt", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


def fashion_folder(path: str | None) -> Path:
    """Where the IDX files are looked for: `path`, the variable, or Debian's package."""
    return Path(path or os.environ.get(FASHION_VARIABLE) or FASHION_FOLDER).expanduser()


def _fashion_file(folder: Path, split: str, part: str) -> Path:
    plain = folder / f"{_FASHION_FILES[split]}-{part}-ubyte"
    packed = plain.with_name(plain.name + ".gz")
    return packed if packed.exists() or not plain.exists() else plain


def _fashion_missing(folder: Path) -> Path | None:
    parts = ("images-idx3", "labels-idx1")
    wanted = [_fashion_file(folder, split, part) for split in SPLITS for part in parts]
    return next((path for path in wanted if not path.exists()), None)


def _fashion_mnist(spec: FashionMnist) -> Source:
    folder = fashion_folder(spec.path)
    if (missing := _fashion_missing(folder)) is not None:
        raise DataError(str(missing), "no such file", _FASHION_CURE)
    digest = hashlib.sha256()
    splits = {}
    for split in SPLITS:
        images, labels = (
            read_idx(_fashion_file(folder, split, part), dimensions, _FASHION_CURE, digest.update)
            for part, dimensions in (("images-idx3", 3), ("labels-idx1", 1))
        )
        if len(images) != len(labels) or not len(images):
            problem = f"{len(images)} {split} images and {len(labels)} labels"
            raise DataError(str(folder), problem, _FASHION_CURE)
        if labels.max() > 9:
            raise DataError(str(folder), f"a label {labels.max()} above 9", _FASHION_CURE)

        def read(indices: Integers, images: Images = images) -> Images:
            return np.stack([_resized(images[index], spec.size) for index in indices])[..., None]

        splits[split] = Split(labels=labels.astype(np.int64), read=read)
    return Source(
        classes=_FASHION_NAMES,
        channels=1,
        fingerprint=f"fashion-mnist-1 {digest.hexdigest()}",
        splits=splits,
    )


# ------------------------------------------------------------------------------------ ImageFolder

_HELD_OUT = 0.1  # the part of a tree without split folders that becomes its test split


def _image_folder(spec: ImageFolder, workers: int) -> Source:
    tree = read_image_tree(Path(spec.path).expanduser())
    splits, held_out = {"train": tree.train}, tree.held_out
    if held_out is None:
        splits["train"], held_out = _held_out(tree.train, spec)
    splits["test"] = held_out
    framing = Framing(
        size=spec.size,
        shortest=spec.shortest or spec.size,
        background=spec.background_colour,
    )

    def read(paths: Sequence[Path], indices: Integers) -> Images:
        return read_images([paths[index] for index in indices], framing, workers)

    return Source(
        classes=tree.classes,
        channels=3,
        fingerprint=f"imagefolder-2 {_tree_fingerprint(Path(spec.path).expanduser(), splits)}",
        splits={
            name: Split(
                labels=np.array([image.label for image in images], dtype=np.int64),
                read=partial(read, [image.path for image in images]),
            )
            for name, images in splits.items()
        },
        held_out=(
            "a tenth of the images, every class in proportion"
            if tree.held_out_folder is None
            else f"{tree.held_out_folder}/"
        ),
        passed_over=tree.passed_over,
    )


_Files = tuple[ImageFile, ...]


def _held_out(images: _Files, spec: ImageFolder) -> tuple[_Files, _Files]:
    """A tree without splits as (its training images, a tenth of all, every class in proportion).

    Raises DataError if a class has no image left to train on.
    """
    labels = np.array([image.label for image in images], dtype=np.int64)
    count = max(1, round(_HELD_OUT * len(images)))
    chosen = set(stratified(labels, count, spec.seed, _HOLDOUT_STREAM).tolist())
    train = tuple(image for index, image in enumerate(images) if index not in chosen)
    if lone := set(labels.tolist()) - {image.label for image in train}:
        folder = next(image.path for image in images if image.label in lone).parent
        problem = "has too few images: none is left to train on"
        raise DataError(printable(str(folder)), problem, "give every class two or more")
    return train, tuple(images[index] for index in sorted(chosen))


def _tree_fingerprint(root: Path, files: Mapping[str, _Files]) -> str:
    """Of names, sizes and times: reading ImageNet through for it would take as long as packing."""
    digest = hashlib.sha256()
    for split, images in sorted(files.items()):
        for image in images:
            path = image.path.relative_to(root)
            line = f"{split} {path} {image.size} {image.modified_ns}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()
