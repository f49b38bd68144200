"""Clutter: several overlapping digits, of which the central one is to be named.

After Spoerer, McClure & Kriegeskorte 2017 ("Recurrent convolutional neural networks: a better
model of biological object recognition", Front. Psychol. 8), whose digits lie over one another in a
random order, each with a dark outline. Here the digits are scikit-learn's, those of a split from
that split's digits alone, each in a grey of its own. The named one lies within 1/32 of the side
from the centre. With `occlusion` 0 all others lie behind it. Above that, half of the others
(rounded up) lie in front, at that one of 64 drawn placements at which

    (pixels of the named digit that are hidden by digits and their outlines) / (all of its pixels)

is nearest to `occlusion`: one number grades the task from clutter alone to what cannot be read.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from workers.data.digits import CLASSES, read_digits
from workers.data.drawing import draw_stratified
from workers.data.images import Images, resize
from workers.data.random_numbers import RandomNumbers
from workers.data.source import DatasetInfo, Integers, Source, Split
from workers.data.specs import Clutter

COPIES = {"train": 100, "validation": 10, "test": 10}
"""How many images name each digit of a split."""

_VALIDATION = 200  # of scikit-learn's digits for training: no digit is in two splits
_VALIDATION_STREAM = 6 << 48

_PLACEMENTS = 64
_INK = 64  # from this grey on a pixel is the digit's
_FAINTEST = 128  # of the greys of whole digits


@dataclass(frozen=True, kw_only=True)
class DigitSet:
    """The digits of a split at half of the image's side: [N,D,D], their masks too."""

    greys: Images
    ink: NDArray[np.bool_]
    opaque: NDArray[np.bool_]  # the ink and its outline
    labels: Integers

    @classmethod
    def make(cls, images: Images, labels: Integers, side: int) -> "DigitSet":
        """From digits [N,8,8]; the frame is left free, so that every outline is whole."""
        edge = side // 8
        greys = np.stack([np.pad(resize(image, side - 2 * edge), edge) for image in images])
        ink = greys >= _INK
        opaque = ink.copy()
        for axis in (1, 2):
            opaque |= np.roll(opaque, 1, axis) | np.roll(opaque, -1, axis)
        return cls(greys=greys, ink=ink, opaque=opaque, labels=labels)


def open_clutter(spec: Clutter) -> Source:
    """The cluttered digits that `spec` asks for."""
    splits = {}
    for name, digits in read_digit_sets(spec.size // 2).items():
        labels = np.tile(digits.labels, COPIES[name])
        splits[name] = Split(labels=labels, read=partial(_read, spec, name, digits))
    return Source(classes=CLASSES, channels=1, fingerprint="clutter-1", splits=splits)


def read_digit_sets(side: int) -> dict[str, DigitSet]:
    """The digits of each split, `side` pixels wide."""
    images, labels = read_digits()
    held_out = draw_stratified(labels["train"], _VALIDATION, 0, _VALIDATION_STREAM)
    trained = np.setdiff1d(np.arange(len(labels["train"])), held_out)
    tested = np.arange(len(labels["test"]))
    parts = {
        "train": ("train", trained),
        "validation": ("train", held_out),
        "test": ("test", tested),
    }
    return {
        name: DigitSet.make(images[origin][part], labels[origin][part], side)
        for name, (origin, part) in parts.items()
    }


def _read(spec: Clutter, split: str, digits: DigitSet, numbers: Integers) -> Images:
    made = []
    for number in numbers:
        random = RandomNumbers.of_image(spec.seed, split, int(number))
        scene = Scene(spec, digits, int(number) % len(digits.labels), random)
        made.append(scene.draw(random))
    return np.stack(made)[..., None]


class Scene:
    """Which digits lie where. Corners are upper left ones, in pixels of the image."""

    def __init__(self, spec: Clutter, digits: DigitSet, named: int, random: RandomNumbers) -> None:
        self._spec, self._digits, self._named = spec, digits, named
        others = spec.digits - 1
        in_front = (others + 1) // 2 if spec.occlusion else 0
        strangers = np.flatnonzero(digits.labels != digits.labels[named])
        self._others = strangers[random.integers(len(strangers), others)]
        jitter = spec.size // 32
        centred = (spec.size - spec.size // 2) // 2
        self._corner = centred + random.integers(2 * jitter + 1, 2) - jitter
        self._behind = self._draw_offsets(others - in_front, 1, random)[0]
        self._front = self._choose_front(in_front, random)

    def _draw_offsets(self, count: int, times: int, random: RandomNumbers) -> Integers:
        """[times,count,2] of offsets from the named digit: 1/8 to 3/8 of the side in one of the
        directions, up to as much in the other.
        """
        near, far = self._spec.size // 8, 3 * self._spec.size // 8
        one = near + random.integers(far - near + 1, times * count)
        sign, axis = np.divmod(random.integers(4, times * count), 2)
        other = random.integers(2 * far + 1, times * count) - far
        one = np.where(sign == 1, one, -one)
        pairs = np.where(axis == 1, [one, other], [other, one]).T
        return pairs.reshape(times, count, 2)

    def _choose_front(self, count: int, random: RandomNumbers) -> Integers:
        """Offsets [count,2] of the digits in front, which hide as much as is asked for."""
        offsets = self._draw_offsets(count, _PLACEMENTS, random)
        shares = self._hidden_share(offsets)
        best: Integers = offsets[np.argmin(abs(shares - self._spec.occlusion))]
        return best

    def _hidden_share(self, offsets: Integers) -> NDArray[np.float64]:
        """How much of the named digit is hidden, [times], by placements [times,count,2]."""
        side = self._spec.size // 2
        ink = np.argwhere(self._digits.ink[self._named])
        hidden = np.zeros((len(offsets), len(ink)), dtype=bool)
        for place in range(offsets.shape[1]):
            opaque = np.pad(self._digits.opaque[self._others[place]], side)
            rows, columns = np.moveaxis(ink[None] - offsets[:, place, None] + side, -1, 0)
            inside = (rows >= 0) & (rows < 3 * side) & (columns >= 0) & (columns < 3 * side)
            hidden |= inside & opaque[rows * inside, columns * inside]
        share: NDArray[np.float64] = hidden.sum(axis=1) / len(ink)
        return share

    @property
    def hidden_share(self) -> float:
        """How much of the named digit's ink is hidden, 0..1."""
        return float(self._hidden_share(self._front[None])[0])

    def draw(self, random: RandomNumbers) -> Images:
        """The image [size,size], from the back to the front."""
        size, side = self._spec.size, self._spec.size // 2
        canvas = np.zeros((3 * size, 3 * size), dtype=np.int64)
        front = len(self._front)
        layers = [
            *zip(self._others[front:], self._behind, strict=True),
            (self._named, np.zeros(2, dtype=np.int64)),
            *zip(self._others[:front], self._front, strict=True),
        ]
        levels = _FAINTEST + random.integers(256 - _FAINTEST, len(layers))
        for (which, offset), level in zip(layers, levels, strict=True):
            top, left = size + self._corner + offset
            window = canvas[top : top + side, left : left + side]
            opaque = self._digits.opaque[which]
            window[opaque] = (self._digits.greys[which].astype(np.int64) * level // 255)[opaque]
        image = canvas[size : 2 * size, size : 2 * size].astype(np.float64)
        if self._spec.noise:
            image += random.normal(255 * self._spec.noise, size, size)
        made: Images = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        return made


def describe_clutter() -> DatasetInfo:
    """The line of `ventral data list`."""
    return DatasetInfo(
        name="clutter",
        images="6,000 of 100,000 + 2,000 + 2,000 of 5,970",
        classes="10",
        sizes="multiples of 16 (32)",
        origin="made from scikit-learn's digits",
        available=True,
        note="the central one of overlapping digits, hidden by degrees",
    )
