"""Random draws that are the same on every machine, and parts of a data set drawn by them."""

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.data.source import Integers, Split

DIGITS_STREAM, PART_STREAM, HELD_OUT_STREAM = 1 << 48, 2 << 48, 3 << 48
"""Streams of draws; those below 2**48 belong to single images."""


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
    kept = draw_stratified(split.labels, count, seed, PART_STREAM)
    return Split(labels=split.labels[kept], read=lambda indices: split.read(kept[indices]))
