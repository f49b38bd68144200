"""Random draws that are the same on every machine, and parts of a data set drawn by them."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import printable
from space.errors import DataError
from workers.data.source import Integers, Split

DIGITS_STREAM, PART_STREAM, HELD_OUT_STREAM, VALIDATION_STREAM = (n << 48 for n in range(1, 5))
"""Streams of draws; those below 2**48 belong to single images."""

HELD_OUT = "a tenth of the images, every class in proportion"
"""What the test split is of a data set that comes without one."""


def random_bits(seed: int, stream: int, count: int) -> NDArray[np.uint64]:
    """`count` draws that depend on (seed, stream) alone, [count] of 64 random bits.

    Bits and not numbers of a Generator, whose methods may change between versions of numpy.
    """
    philox = np.random.Philox(key=np.array([seed, stream], dtype=np.uint64))
    return np.asarray(philox.random_raw(count), dtype=np.uint64)


def draw_stratified(labels: Integers, count: int, seed: int, stream: int) -> Integers:
    """`count` indices into `labels` [N], ascending, drawn with every class in proportion."""
    keys = random_bits(seed, stream, len(labels))
    share = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranked = members[np.argsort(keys[members], kind="stable")]
        share[ranked] = (np.arange(len(ranked)) + 0.5) / len(ranked)
    return np.sort(np.lexsort((keys, share))[:count])


def draw_part(split: Split, count: int | None, seed: int, field: str) -> Split:
    """`count` images of a split with every class in proportion; all of them for None.

    Raises DataError that names `field` if there are fewer.
    """
    if count is None:
        return split
    total = len(split.labels)
    if count > total:
        raise DataError(field, f"{count} asked for, {total} there", f"write {total} or fewer")
    return keep_part(split, draw_stratified(split.labels, count, seed, PART_STREAM))


def draw_held_out(labels: Integers, seed: int) -> tuple[Integers, Integers]:
    """Indices into `labels` [N], ascending: those left to train on, and those of the test split,
    which is `HELD_OUT`, at least one image.
    """
    count = max(1, round(0.1 * len(labels)))
    held_out = draw_stratified(labels, count, seed, HELD_OUT_STREAM)
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def carve_validation(
    train: Split, part: float, seed: int, classes: Sequence[str]
) -> tuple[Split, Split]:
    """A training split divided into (what is left to train on, a validation split).

    `part` is a share below 1 of the images, or how many; every class gets its proportion, rounded
    by largest remainders, and images of one origin stay together. Raises DataError that names the
    class if either split would lack one.
    """
    origins = np.arange(len(train.labels)) if train.origins is None else train.origins
    _, first, origin = np.unique(origins, return_index=True, return_inverse=True)
    labels, images = train.labels[first], len(train.labels)
    count = round(part * len(labels) if part < 1 else part * len(labels) / images)
    if count >= len(labels):
        problem = f"{part} asked for, and the training images are {images}"
        raise DataError("validation", problem, "write a share, 0.1 say")
    sizes = np.bincount(labels, minlength=len(classes))
    counts = share_out(count, sizes)
    _check_classes(part, counts, sizes, (classes, images))
    keys, chosen = random_bits(seed, VALIDATION_STREAM, len(labels)), np.zeros(len(labels), bool)
    for label, wanted in enumerate(counts):
        members = np.flatnonzero(labels == label)
        chosen[members[np.argsort(keys[members], kind="stable")][:wanted]] = True
    carved = chosen[origin]
    if part >= 1 and carved.sum() != part:
        problem = f"{part}: images of one origin stay together"
        raise DataError("validation", problem, f"write {carved.sum()}")
    return keep_part(train, np.flatnonzero(~carved)), keep_part(train, np.flatnonzero(carved))


def share_out(count: int, sizes: Integers) -> Integers:
    """`count` in proportion to `sizes` [K], as whole numbers [K] that sum to it.

    What rounding down leaves goes to the largest remainders, of equal ones to the first.
    """
    scaled, total = count * sizes.astype(np.int64), int(sizes.sum())
    parts: Integers = scaled // total
    order = np.argsort(parts * total - scaled, kind="stable")
    parts[order[: count - int(parts.sum())]] += 1
    return parts


def _check_classes(
    part: float, counts: Integers, sizes: Integers, facts: tuple[Sequence[str], int]
) -> None:
    """Refuse counts [K] of `sizes` [K] that leave a class without validation or training images.

    `facts` are the classes' names and the number of all images. Raises DataError.
    """
    classes, images = facts
    for label, (count, size) in enumerate(zip(counts.tolist(), sizes.tolist(), strict=True)):
        if not size or 0 < count < size:
            continue
        name, split = printable(classes[label]), "train on" if count else "validate on"
        least = math.ceil(images / min(size for size in sizes.tolist() if size))
        cure = "give every class two or more"
        if size > 1:
            cure = "write a smaller part" if count else f"write {least} or more images"
        problem = f"{part} leaves no image to {split} of the class {name!r}, which has {size}"
        raise DataError("validation", problem, cure)


def keep_part(split: Split, kept: Integers) -> Split:
    """The images of a split at the places `kept`."""
    return Split(
        labels=split.labels[kept],
        read=lambda indices: split.read(kept[indices]),
        origins=None if split.origins is None else split.origins[kept],
    )
