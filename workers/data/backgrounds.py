"""Backgrounds: crops of photographs, and noise of which every octave has as much.

The photographs are the two that scikit-learn ships, as grey levels: the luminance that a JPEG file
stores, whose decoding is arithmetic on integers. Each split has columns of its own, so that no
crop of one split shows what one of another does. Noise is a sum of lattices of random numbers,
each of twice the spacing of the one before, bilinear in between: equal variance in every octave is
an amplitude spectrum of 1/f, that of natural scenes (Field 1987, J. Opt. Soc. Am. A 4:2379).
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.data.images import Images, resize
from workers.data.random_numbers import RandomNumbers

PHOTOGRAPHS = ("china.jpg", "flower.jpg")

_COLUMNS: Mapping[str, tuple[float, float]] = {
    "train": (0.0, 0.6),
    "validation": (0.6, 0.8),
    "test": (0.8, 1.0),
}
"""The part of each photograph's width that is a split's."""

_SMALLEST = 40  # side of a crop, in the photograph's pixels


@cache
def read_photographs() -> tuple[Images, ...]:
    """The grey levels of the photographs, [H,W] each. Raises DataError if one is missing."""
    from PIL import Image

    greys = []
    for name in PHOTOGRAPHS:
        try:
            with (resources.files("sklearn.datasets.images") / name).open("rb") as file:
                image = Image.open(file, formats=("JPEG",))
                image.draft("L", image.size)
                image.load()
                greys.append(np.asarray(image.convert("L")))
        except (OSError, ModuleNotFoundError) as error:
            problem = f"scikit-learn's photograph {name} cannot be read ({error})"
            raise DataError("objects", problem, "install scikit-learn again") from error
    return tuple(greys)


def photographs_digest() -> str:
    """A digest of the photographs' pixels, so that another decoder's are another data set."""
    digest = hashlib.sha256()
    for grey in read_photographs():
        digest.update(grey.tobytes())
    return digest.hexdigest()[:12]


def crop_photograph(split: str, size: int, random: RandomNumbers) -> Images:
    """A square of a photograph's part that is the split's, mirrored or not, [size,size]."""
    photographs = read_photographs()
    grey = photographs[random.integer(len(photographs))]
    left, right = (int(part * grey.shape[1]) for part in _COLUMNS[split])
    most = min(right - left, grey.shape[0])
    side = _SMALLEST + random.integer(most - _SMALLEST + 1)
    x = left + random.integer(right - left - side + 1)
    y = random.integer(grey.shape[0] - side + 1)
    crop = resize(np.ascontiguousarray(grey[y : y + side, x : x + side]), size)
    return crop[:, ::-1] if random.integer(2) else crop


def draw_noise(size: int, random: RandomNumbers) -> Images:
    """1/f noise [size,size], of mean 128 and a contrast of its own."""
    total: NDArray[np.int64] = np.zeros((size, size), dtype=np.int64)
    spacing, octaves = 1, 0
    while spacing <= size:
        total += _lattice(size, spacing, random)
        spacing, octaves = 2 * spacing, octaves + 1
    contrast = 12 + random.integer(30)
    # A lattice's values spread evenly over +-2**15; bilinear, their deviation is about 0.4 of it.
    deviation = 2**15 * 0.4 * np.sqrt(float(octaves))
    grey: Images = np.clip(np.rint(128 + contrast * total / deviation), 0, 255).astype(np.uint8)
    return grey


def _lattice(size: int, spacing: int, random: RandomNumbers) -> NDArray[np.int64]:
    """Random numbers every `spacing` pixels, bilinear between, [size,size]."""
    nodes = -(-size // spacing) + 2
    values = random.integers(2**16, nodes * nodes).reshape(nodes, nodes) - 2**15
    shift = random.integers(spacing, 2)
    for axis in (0, 1):
        whole, part = np.divmod(np.arange(size) + shift[axis], spacing)
        low, high = values.take(whole, axis), values.take(whole + 1, axis)
        part = part[:, None] if axis == 0 else part
        values = (low * (spacing - part) + high * part) // spacing
    return values
