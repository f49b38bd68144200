"""What the tests of data sets share: all images of a split, and IDX files in bytes."""

import numpy as np

from workers.data.source import Source


def pixels(source: Source, split: str) -> np.ndarray:
    """All images of a split, [N,H,W,C]."""
    return source.splits[split].read(np.arange(len(source.splits[split].labels)))


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file."""
    shape = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()
