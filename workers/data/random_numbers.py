"""Random numbers one after the other, the same on every machine and for any number of threads.

Philox is a counter: what is drawn for an image depends on (seed, split, its number) alone. Its raw
bits become numbers by operations that IEEE 754 rounds in one way only (+, -, *, /, square root);
methods of numpy's Generator, sines and logarithms are none of these.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

SPLIT_STREAMS: Mapping[str, int] = {"train": 0, "test": 1, "validation": 2}
"""What is drawn for a split's images; of its own, so that no split moves with another."""


class RandomNumbers:
    """The numbers of one stream, in the order in which they are asked for."""

    def __init__(self, seed: int, stream: int) -> None:
        self._philox = np.random.Philox(key=np.array([seed, stream], dtype=np.uint64))

    @classmethod
    def of_image(cls, seed: int, split: str, number: int) -> "RandomNumbers":
        """Those of an image of a split; `number` lies below 2**32."""
        return cls(seed, number + (SPLIT_STREAMS[split] << 32))

    def integers(self, below: int, count: int) -> NDArray[np.int64]:
        """[count] of 0 to `below` - 1, alike likely up to `below` / 2**32."""
        drawn = np.asarray(self._philox.random_raw(count), dtype=np.uint64)
        return ((drawn >> np.uint64(32)) * np.uint64(below) >> np.uint64(32)).astype(np.int64)

    def integer(self, below: int) -> int:
        """One of 0 to `below` - 1."""
        return int(self.integers(below, 1)[0])

    def uniform(self, low: float, high: float, *shape: int) -> Reals:
        """An array of `shape`, from `low` to below `high`, in 2**53 steps."""
        drawn = np.asarray(self._philox.random_raw(math.prod(shape)), dtype=np.uint64)
        unit = (drawn >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return (low + (high - low) * unit).reshape(shape)

    def normal(self, deviation: float, *shape: int) -> Reals:
        """An array of `shape`, of mean 0: each is the sum of twelve uniform numbers of 16 bits.

        That has the standard deviation 1 and no tails beyond 6, and needs no logarithm.
        """
        drawn = np.asarray(self._philox.random_raw(3 * math.prod(shape)), dtype="<u8")
        sums = drawn.view("<u2").reshape(*shape, 12).sum(axis=-1, dtype=np.int64)
        numbers: Reals = (sums - 12 * 32767.5) / 65536 * deviation
        return numbers

    def directions(self, count: int) -> Reals:
        """Unit vectors [count,2] all round the circle, without a sine.

        ((1 - t^2) / (1 + t^2), 2t / (1 + t^2)) for t in -1..1 is half of the circle, somewhat
        denser at its ends; a sign and an exchange of the axes make eight alike parts of it.
        """
        half = turn(self.uniform(-1, 1, count))
        bits = self.integers(4, count)
        signed = np.where((bits & 1)[:, None] == 1, -half, half)
        return np.where((bits >> 1)[:, None] == 1, signed[:, ::-1], signed)


def turn(t: Reals) -> Reals:
    """(cosine, sine) [...,2] of the angles whose half has the tangent `t` [...]."""
    square = t * t
    return np.stack([(1 - square) / (1 + square), 2 * t / (1 + square)], axis=-1)


def rotate(vectors: Reals, turns: Reals) -> Reals:
    """Vectors [...,2] turned by (cosine, sine) [...,2]."""
    x, y = vectors[..., 0], vectors[..., 1]
    cosine, sine = turns[..., 0], turns[..., 1]
    return np.stack([x * cosine - y * sine, x * sine + y * cosine], axis=-1)
