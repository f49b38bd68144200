"""Images spoilt in graded ways: six kinds at five levels, the same for everybody.

What is drawn for an image depends on (seed, split, its number, kind) alone, so that neither the
size of batches nor their order changes it, and every model sees the same images. A higher level
draws nothing new: it covers more of the same cells, pastes more of the same pieces, scales the
same noise. Noise and JPEG have the strengths of Hendrycks and Dietterich (2019), and contrast is
lowered as theirs is; lengths are parts of the image's side, since images here have 8 to hundreds
of pixels.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from space.errors import InputError
from workers.data.random_numbers import SPLIT_STREAMS, RandomNumbers
from workers.job import ScoredSplit

Pixels = NDArray[np.uint8]

LEVELS = (1, 2, 3, 4, 5)
CELLS = 8
"""Occlusion divides an image into so many cells a side, or into its pixels if it has fewer."""
PIECE = 4
"""A piece of clutter has this part of the image's side."""
GREY = 128


@dataclass(frozen=True)
class Corruption:
    """A way of spoiling images: what its strength is, and how much each level has of it."""

    strength: str
    levels: tuple[float, ...]


CORRUPTIONS: Mapping[str, Corruption] = {
    "occlusion": Corruption(
        "the part of the image's 8 x 8 cells, drawn at random, that are grey",
        (0.1, 0.2, 0.3, 0.45, 0.6),
    ),
    "clutter": Corruption(
        "pieces of other images of the split, a quarter of the side, at random places",
        (1, 2, 3, 5, 8),
    ),
    "noise": Corruption(
        "standard deviation of Gaussian noise, white is 1", (0.08, 0.12, 0.18, 0.26, 0.38)
    ),
    "blur": Corruption(
        "standard deviation of a Gaussian, parts of the side", (0.01, 0.02, 0.04, 0.06, 0.08)
    ),
    "contrast": Corruption(
        "what is left of each pixel's distance from its channel's mean", (0.6, 0.4, 0.3, 0.2, 0.1)
    ),
    "jpeg": Corruption("quality of the JPEG file", (25, 18, 15, 10, 7)),
}
"""Every kind by its name. A kind's place is part of what is drawn: new ones come last."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """Images of a split, [N,H,W,C], and which of them are meant by `numbers` [n]."""

    whole: Pixels
    numbers: Sequence[int]
    split: ScoredSplit
    seed: int = 0

    def pixels(self) -> Pixels:
        """[n,H,W,C], a copy."""
        return np.array(self.whole[np.asarray(self.numbers, dtype=np.int64)])

    def random_numbers(self, number: int, stream: int) -> RandomNumbers:
        """Those of an image in one of 256 streams."""
        return RandomNumbers(
            self.seed, number + (SPLIT_STREAMS[self.split] << 32) + ((stream + 1) << 40)
        )


def corrupt(images: Images, kind: str, level: int) -> Pixels:
    """The images spoilt, uint8 [n,H,W,C].

    Raises InputError for a kind or a level that there is not, and for JPEG of images that are
    neither grey nor red, green and blue.
    """
    strength = _strength(kind, level)
    stream = list(CORRUPTIONS).index(kind)

    def draw(number: int) -> RandomNumbers:
        return images.random_numbers(number, stream)

    match kind:
        case "occlusion":
            return _occlude(images, strength, draw)
        case "clutter":
            return _clutter(images, int(strength), draw)
        case "noise":
            return _add_noise(images, strength, draw)
        case "blur":
            return _blur(images, strength)
        case "contrast":
            return _lower_contrast(images, strength)
        case _:
            return _compress(images, int(strength))


def check_channels(kind: str, channels: int) -> None:
    """Raises InputError if images of so many channels cannot be spoilt in that way."""
    if kind == "jpeg" and channels not in (1, 3):
        problem = f"images of {channels} channels cannot be compressed as JPEG"
        raise InputError("kind: jpeg", problem, "leave it out: --kinds noise,blur")


def _strength(kind: str, level: int) -> float:
    if kind not in CORRUPTIONS:
        raise InputError("kind", f"{kind} is none", f"there are {', '.join(CORRUPTIONS)}")
    if level not in LEVELS:
        raise InputError("severity", f"there is no {level}", "give 1 to 5")
    return CORRUPTIONS[kind].levels[level - 1]


Draw = Callable[[int], RandomNumbers]


def _occlude(images: Images, share: float, draw: Draw) -> Pixels:
    pixels = images.pixels()
    side = pixels.shape[1]
    cells = min(CELLS, side)
    edges = np.arange(cells + 1) * side // cells
    covered = round(share * cells**2)
    for image, number in zip(pixels, images.numbers, strict=True):
        order = np.argsort(draw(int(number)).uniform(0, 1, cells**2), kind="stable")
        for cell in order[:covered]:
            row, column = divmod(int(cell), cells)
            image[edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = GREY
    return pixels


def _clutter(images: Images, pieces: int, draw: Draw) -> Pixels:
    pixels, count = images.pixels(), len(images.whole)
    side = pixels.shape[1]
    piece = max(1, side // PIECE)
    for image, number in zip(pixels, images.numbers, strict=True):
        numbers = draw(int(number))
        for _ in range(pieces):
            other = (int(number) + 1 + numbers.integer(max(1, count - 1))) % count
            top, left, to_top, to_left = numbers.integers(side - piece + 1, 4).tolist()
            image[to_top : to_top + piece, to_left : to_left + piece] = images.whole[
                other, top : top + piece, left : left + piece
            ]
    return pixels


def _add_noise(images: Images, deviation: float, draw: Draw) -> Pixels:
    pixels = images.pixels()
    for image, number in zip(pixels, images.numbers, strict=True):
        image[...] = _round(image + draw(int(number)).normal(255 * deviation, *image.shape))
    return pixels


def _blur(images: Images, share: float) -> Pixels:
    from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]

    pixels = images.pixels().astype(np.float64)
    deviation = share * pixels.shape[1]
    return _round(gaussian_filter(pixels, (0, deviation, deviation, 0), mode="nearest"))


def _lower_contrast(images: Images, kept: float) -> Pixels:
    pixels = images.pixels().astype(np.float64)
    mean = pixels.mean(axis=(1, 2), keepdims=True)
    return _round(mean + kept * (pixels - mean))


def _compress(images: Images, quality: int) -> Pixels:
    from PIL import Image

    pixels = images.pixels()
    check_channels("jpeg", pixels.shape[3])
    for image in pixels:
        file = io.BytesIO()
        Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(
            file, "JPEG", quality=quality
        )
        with Image.open(file) as opened:
            image[...] = np.asarray(opened).reshape(image.shape)
    return pixels


def _round(pixels: NDArray[np.float64]) -> Pixels:
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
