"""Objects: shaded solids of eight classes, as a camera meets them, over photographs and noise.

In the manner of the images of Majaj, Hong, Solomon & DiCarlo 2015 (J. Neurosci. 35:13402): one
object at a drawn position, size and pose over a background that has nothing to do with it. The
largest solid is to be named; smaller ones of any class lie around and behind it (`distractors`),
and a bar hides a part of it (`occlusion`). A surface of albedo a and unit normal n under light
from the unit direction l has the grey

    a (1/4 + 3/4 max(0, n l))

after Lambert 1760. Solids of a class differ in their proportions. Each split has solids and
backgrounds of its own (workers/data/backgrounds.py): nothing that is tested was seen before, from
whatever side.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from workers.data.backgrounds import crop_photograph, draw_noise, photographs_digest
from workers.data.images import Images
from workers.data.random_numbers import SPLIT_STREAMS, RandomNumbers, Reals
from workers.data.solids import SOLIDS, Solid, dot, draw_rotation, see
from workers.data.source import DatasetInfo, Integers, Source, Split
from workers.data.specs import Objects

CLASSES = tuple(SOLIDS)
COUNTS = {"train": 100_000, "validation": 2_000, "test": 20_000}
INSTANCES = {"train": 48, "validation": 16, "test": 16}
"""Solids of each class in a split."""

_INSTANCE_STREAM = 5 << 48
_FINE = 2  # rays a side of a pixel
_RADII = (0.28, 0.44)  # of the named solid, in sides of the image
_SMALLER = (0.3, 0.55)  # radii of the others, in those of the named one
_AMBIENT = 0.25


def open_objects(spec: Objects) -> Source:
    """The objects that `spec` asks for, one class after the other. Raises DataError without the
    photographs.
    """
    splits = {}
    for name, count in COUNTS.items():
        solids = [make_solids(spec, name, label) for label in range(len(CLASSES))]
        labels = np.arange(count, dtype=np.int64) % len(CLASSES)
        splits[name] = Split(labels=labels, read=partial(_read, spec, name, solids))
    fingerprint = f"objects-1-{photographs_digest()}"
    return Source(classes=CLASSES, channels=1, fingerprint=fingerprint, splits=splits)


def make_solids(spec: Objects, split: str, label: int) -> list[Solid]:
    """All solids of a class in a split."""
    first = _INSTANCE_STREAM + (SPLIT_STREAMS[split] << 32) + (label << 16)
    make = SOLIDS[CLASSES[label]]
    return [make(RandomNumbers(spec.seed, first + number)) for number in range(INSTANCES[split])]


def _read(spec: Objects, split: str, solids: list[list[Solid]], numbers: Integers) -> Images:
    made = []
    for number in numbers:
        random = RandomNumbers.of_image(spec.seed, split, int(number))
        made.append(draw_object(spec, split, solids, int(number) % len(CLASSES), random))
    return np.stack(made)[..., None]


def draw_object(
    spec: Objects, split: str, solids: list[list[Solid]], label: int, random: RandomNumbers
) -> Images:
    """An image [size,size] with a solid of the class `label`; `solids` are a split's, by class."""
    size, variation = spec.size, spec.variation
    canvas = _Canvas.over(_draw_background(spec, split, random))
    light = _draw_light(random)
    middle = (_RADII[0] + _RADII[1]) / 2
    radius = size * (middle + variation * (float(random.uniform(*_RADII)) - middle))
    free = max(0.0, size / 2 - 0.8 * radius) * variation
    centre = size / 2 + random.uniform(-free, free, 2)
    for _ in range(spec.distractors):
        which = solids[random.integer(len(CLASSES))]
        away = radius * random.uniform(0.9, 1.5) * random.directions(1)[0]
        small = radius * float(random.uniform(*_SMALLER))
        canvas.add(which[random.integer(len(which))], centre + away, small, light, random)
    own = solids[label]
    seen = canvas.add(own[random.integer(len(own))], centre, radius, light, random, variation)
    if spec.occlusion:
        canvas.hide(seen, spec.occlusion, _draw_background(spec, split, random), random)
    return canvas.average()


def _draw_background(spec: Objects, split: str, random: RandomNumbers) -> Images:
    photograph = spec.background == "photograph" or (
        spec.background == "both" and random.integer(2) == 1
    )
    if photograph:
        return crop_photograph(split, spec.size, random)
    return draw_noise(spec.size, random)


def _draw_light(random: RandomNumbers) -> Reals:
    """A unit vector [3] to the light, from the viewer's side."""
    light = random.normal(1, 3)
    light[2] = abs(light[2]) + 0.5
    unit: Reals = light / np.sqrt(dot(light, light))
    return unit


@dataclass(frozen=True)
class _Canvas:
    """Greys [S,S] on a grid finer than the image's pixels."""

    greys: Reals

    @classmethod
    def over(cls, background: Images) -> "_Canvas":
        return cls(_refine(background))

    def add(
        self,
        solid: Solid,
        centre: Reals,
        radius: float,
        light: Reals,
        random: RandomNumbers,
        variation: float = 1.0,
    ) -> NDArray[np.bool_]:
        """Put a solid in front of all else; where it is seen, [S,S]. Lengths are in pixels."""
        side = max(2, int(2 * radius * _FINE))
        albedo = float(random.uniform(110, 255))
        rotation = draw_rotation(random, variation)
        there, normals = see(solid, rotation, side)
        shade = albedo * (_AMBIENT + (1 - _AMBIENT) * np.maximum(0, dot(normals, light)))
        column, row = (int(v) for v in np.rint(centre * _FINE - side / 2))
        seen = np.zeros(self.greys.shape, dtype=bool)
        rows, columns = (
            slice(*np.clip([first, first + side], 0, len(seen)).tolist())
            for first in (row, column)
        )
        own = (
            slice(rows.start - row, rows.stop - row),
            slice(columns.start - column, columns.stop - column),
        )
        seen[rows, columns] = there[own]
        self.greys[seen] = shade[own][there[own]]
        return seen

    def hide(
        self, seen: NDArray[np.bool_], share: float, cover: Images, random: RandomNumbers
    ) -> None:
        """Lay a bar that shows `cover` over a part of what is `seen`, from one of its sides."""
        across = random.directions(1)[0]
        places = np.arange(len(seen)) + 0.5
        height = places[None, :] * across[0] + places[:, None] * across[1]
        heights = np.sort(height[seen])
        if len(heights):
            start = heights[min(len(heights) - 1, int((1 - share) * len(heights)))]
            bar = (height >= start) & (height <= heights[-1] + _FINE)
            self.greys[bar] = _refine(cover)[bar]

    def average(self) -> Images:
        """The image, each pixel the mean of its rays."""
        parts = [self.greys[y::_FINE, x::_FINE] for y in range(_FINE) for x in range(_FINE)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        image: Images = np.clip(np.rint(total / len(parts)), 0, 255).astype(np.uint8)
        return image


def _refine(image: Images) -> Reals:
    return image.repeat(_FINE, axis=0).repeat(_FINE, axis=1).astype(np.float64)


def describe_objects() -> DatasetInfo:
    """The line of `ventral data list`."""
    return DatasetInfo(
        name="objects",
        images="8,000 of 100,000 + 2,000 + 2,000 of 20,000",
        classes="8",
        sizes="multiples of 8 (32)",
        origin="generated, over scikit-learn's photographs",
        available=True,
        note="shaded solids at any place, size and pose, in clutter, partly hidden",
    )
