"""The digits among fragments of other digits, behind an occluder, in noise.

Draws come from counters (Philox, keyed by seed and image), and noise is counted in integers, so
every machine gets the same bytes.
"""

from functools import partial

import numpy as np

from workers.data.digits import CLASSES, read_digits
from workers.data.drawing import random_bits
from workers.data.images import Images, resize
from workers.data.source import SPLITS, DatasetInfo, Integers, Source, Split
from workers.data.specs import DigitsOccluded

_SIDE = 16  # the occluded digits are made at this size
_FRAGMENT = 6  # side of a fragment of another digit


def open_digits_occluded(spec: DigitsOccluded) -> Source:
    """Digits among `fragments` 6x6 pieces of other digits of the same split, then a rectangle of
    one random grey in front, then noise; made at 16 px, 8 px by average pooling."""
    small, labels = read_digits()
    images = {
        split: np.stack([resize(image, _SIDE) for image in pixels])
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
            image = _occlude(pixels[which], strangers, spec, stream)
            made.append(_pool_or_resize(image, spec.size))
        return np.stack(made)[..., None]

    counts = {"train": spec.copies, "test": 1}
    splits = {
        name: Split(
            labels=np.tile(labels[name], counts[name]),
            read=partial(read, name),
            origins=np.tile(np.arange(len(labels[name])), counts[name]),
        )
        for name in SPLITS
    }
    fingerprint = "digits-occluded-1"
    return Source(classes=CLASSES, channels=1, fingerprint=fingerprint, splits=splits)


def _occlude(digit: Images, strangers: Images, spec: DigitsOccluded, stream: int) -> Images:
    """One image [16,16] from a digit [16,16] and the digits of other classes [M,16,16]."""
    per_fragment = 5
    heads = 5 + per_fragment * spec.fragments
    draws = random_bits(spec.seed, stream, heads + 3 * _SIDE * _SIDE)
    ints = [int(draw) for draw in draws[:heads]]
    canvas = digit.copy()
    for place in range(5, heads, per_fragment):
        which, *corners = ints[place : place + per_fragment]
        # From anywhere in a stranger to anywhere in the image.
        y0, x0, y1, x1 = (corner % (_SIDE - _FRAGMENT + 1) for corner in corners)
        piece = strangers[which % len(strangers), y0 : y0 + _FRAGMENT, x0 : x0 + _FRAGMENT]
        window = canvas[y1 : y1 + _FRAGMENT, x1 : x1 + _FRAGMENT]
        np.maximum(window, piece, out=window)
    low, high = spec.occluder
    height, width = (low + draw % (high - low + 1) for draw in ints[:2])
    top, left = ints[2] % (_SIDE - height + 1), ints[3] % (_SIDE - width + 1)
    canvas[top : top + height, left : left + width] = ints[4] % 256
    # Twelve uniform numbers of 16 bits sum to a normal one of standard deviation 1, exactly alike
    # on every machine, which a logarithm or a cosine is not.
    uniform = draws[heads:].astype("<u8").view("<u2").reshape(_SIDE, _SIDE, 12).astype(np.int64)
    normal = (uniform.sum(axis=-1) - 12 * 32767.5) / 65536
    noisy: Images = np.clip(np.rint(canvas + normal * (255 * spec.noise)), 0, 255).astype(np.uint8)
    return noisy


def _pool_or_resize(image: Images, size: int) -> Images:
    """[16,16] -> [size,size]: average pooling to 8, bilinear else."""
    if size == _SIDE // 2:
        sums = image.reshape(size, 2, size, 2).sum(axis=(1, 3), dtype=np.int64)
        pooled: Images = ((sums + 2) // 4).astype(np.uint8)
        return pooled
    return resize(image, size)


def describe_digits_occluded() -> DatasetInfo:
    """The line of `ventral data list`."""
    return DatasetInfo(
        name="digits-occluded",
        images="1,200 x copies + 597",
        classes="10",
        sizes="multiples of 8 (16)",
        origin="made from scikit-learn's digits",
        available=True,
        note="fragments, an occluder and noise: recurrence helps",
    )
