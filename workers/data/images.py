"""Image files as arrays of one size: whatever their format, depth, transparency and orientation.

Only the formats of `FORMATS` are decoded, known by their contents; no other program is ever
started. Images that 8 bits cannot hold without guessing are refused by name, never converted.
Pillow, which decodes, is imported by what decodes or resizes and by nothing else: data that needs
neither is packed and scored without it.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from space.documents.outside import open_regular, printable
from space.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

Images = NDArray[np.uint8]
Colour = tuple[int, int, int]

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".gif"}
SUFFIXES |= {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}
"""What files of these formats are usually called."""

PIXELS = 89_478_485
"""The most pixels of an image that is decoded, a third of a gigabyte: Pillow's own measure."""

FEW_PIXELS, PIXELS_A_BYTE = 1 << 20, 1000
"""An image of more pixels than the first has at most so many for each byte of its file: what is
smaller holds one colour, or is damaged, and would take seconds to decode.
"""

NAMED = 20
"""How many broken images an error names."""


_TOO_LARGE = f"has more than {PIXELS:,} pixels"


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How a picture becomes an array: its shortest side is scaled to `shortest` pixels, then its
    centre of `size` x `size` is taken; what is transparent shows `background`.
    """

    size: int
    shortest: int
    background: Colour = (255, 255, 255)


class BrokenImages(DataError):
    """Image files that cannot be used; `images` are all of them, as (path, problem)."""

    images: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, images: Sequence[tuple[str, str]]) -> BrokenImages:
        """One error for all of `images`, of which it names the first 20."""
        if len(images) == 1:
            error = cls(*images[0], "mend or delete it")
        else:
            lines = [f"\n  {path}: {problem}" for path, problem in images[:NAMED]]
            if len(images) > NAMED:
                lines.append(f"\n  and {len(images) - NAMED:,} more")
            problem = f"{len(images):,} images cannot be used; mend or delete them:"
            error = cls("", problem + "".join(lines))
        error.images = tuple(images)
        return error


class _UnusableError(Exception):
    """A whole image that is refused nevertheless; its text says why."""


def read_images(paths: Sequence[Path], framing: Framing, workers: int = 1) -> Images:
    """[n,size,size,3] of `paths`, decoded by `workers` threads.

    Raises BrokenImages, for all that cannot be used at once.
    """
    with warnings.catch_warnings():
        # Of large images and of odd tags: what keeps an image from use is an error of ours.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        if workers < 2:
            return _stack(_image_or_error(path, framing) for path in paths)
        # Pillow frees the interpreter while it decodes, so threads are enough.
        with ThreadPoolExecutor(workers) as pool:
            return _stack(pool.map(lambda path: _image_or_error(path, framing), paths))


def _image_or_error(path: Path, framing: Framing) -> Images | BrokenImages:
    try:
        return read_image(path, framing)
    except BrokenImages as error:
        return error


def _stack(results: Iterable[Images | BrokenImages]) -> Images:
    images: list[Images] = []
    broken: list[tuple[str, str]] = []
    for item in results:
        if isinstance(item, BrokenImages):
            broken += item.images
        else:
            images.append(item)
    if broken:
        raise BrokenImages.of(broken)
    return np.stack(images)


def read_image(path: Path, framing: Framing) -> Images:
    """An image file as RGB [size,size,3], bilinear with antialiasing; of several frames the first.

    Raises BrokenImages if it is not a whole image of a known format, of 8 or 16 bits.
    """
    name = printable(str(path))
    try:
        with open_regular(path, DataError) as file:
            size = os.fstat(file.fileno()).st_size
            return _decode(file, size, name, lambda image: _frame(image, framing))
    except BrokenImages:
        raise
    except DataError as error:
        problem = error.problem
    raise BrokenImages.of([(name, problem)])


def decode_image(data: bytes, name: str, background: Colour) -> Images:
    """The bytes of an image file as RGB [H,W,3], upright and of its own size; `background` shows
    where it is transparent. Raises BrokenImages, which names `name`, as `read_image` does.
    """

    def finish(image: Image.Image) -> Images:
        levels = _levels(image)
        return np.asarray(_rgb(_turn_upright(image), levels, background))

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        return _decode(io.BytesIO(data), len(data), printable(name), finish)


def _decode(
    file: BinaryIO, size: int, name: str, finish: Callable[[Image.Image], Images]
) -> Images:
    """What `finish` makes of the image in a file of `size` bytes. Raises BrokenImages."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            if width * height > PIXELS:
                raise _UnusableError(_TOO_LARGE)
            if width * height > max(FEW_PIXELS, PIXELS_A_BYTE * size):
                raise _UnusableError(f"has {size:,} bytes for {width:,} x {height:,} pixels")
            image.load()
            return finish(image)
    except UnidentifiedImageError:
        problem = f"cannot be decoded (not an image of {', '.join(FORMATS)})"
    except _UnusableError as error:
        problem = str(error)
    except Image.DecompressionBombError:
        problem = _TOO_LARGE
    except Exception as error:  # noqa: BLE001  (Pillow's decoders raise anything for damage)
        problem = f"cannot be decoded ({printable(str(error)) or type(error).__name__})"
    raise BrokenImages.of([(name, problem)])


_STRIP = 16


def _frame(image: Image.Image, framing: Framing) -> Images:
    """The central crop of an image, which is resized before it is cropped.

    A strip more than 16 times as long as it is wide is cut to its middle first: the whole of an
    image of 1 x 60,000 would be resized to gigabytes.
    """
    from PIL import Image

    levels = _levels(image)
    image = _turn_upright(image)
    most = _STRIP * min(image.size)
    if max(image.size) > most:
        image = image.crop(_middle(image.size, most))
    rgb = _rgb(image, levels, framing.background)
    scale = framing.shortest / min(rgb.size)
    width, height = (max(framing.shortest, round(side * scale)) for side in rgb.size)
    rgb = rgb.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(rgb.crop(_middle(rgb.size, framing.size)))


def _middle(sides: tuple[int, int], most: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the middle of an image, each side at most `most` pixels."""
    width, height = (min(side, most) for side in sides)
    left, top = (sides[0] - width) // 2, (sides[1] - height) // 2
    return left, top, left + width, top + height


_TURNS = {  # names of Pillow's, by the orientation in EXIF data
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


def _turn_upright(image: Image.Image) -> Image.Image:
    """The image as its camera was held; one whose EXIF data are damaged stays as it is."""
    from PIL import ExifTags, Image

    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  (Pillow raises anything for damaged EXIF data)
        return image
    return image if turn is None else image.transpose(Image.Transpose[turn])


@dataclass(frozen=True)
class _Levels:
    """The values of grey that are black and white, in an image of more than 8 bits."""

    black: int
    white: int

    def scale(self, values: NDArray[Any]) -> Images:
        """Values [H,W] as 8 bits, rounded to the nearest: 16 bits are divided by 257."""
        span = self.white - self.black
        away = abs(np.arange(1 << 16) - self.black)
        table = np.minimum((2 * 255 * away + abs(span)) // (2 * abs(span)), 255).astype(np.uint8)
        grey = np.empty(values.shape, np.uint8)
        for row, grey_row in zip(values, grey, strict=True):  # indices take 8 bytes a pixel
            grey_row[:] = table[np.clip(row, 0, 65535)]
        return grey


def _levels(image: Image.Image) -> _Levels | None:
    """None for 8 bits a channel and fewer. Raises _UnusableError where white is not known."""
    from PIL import ExifTags

    tags = getattr(image, "tag_v2", {})
    if image.mode.startswith("I;16"):
        bits = tags.get(ExifTags.Base.BitsPerSample, (16,))[0]
        ends = (0, (1 << bits) - 1)
        inverted = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
        return _Levels(*(ends[::-1] if inverted else ends))
    if image.mode == "I" and image.format in ("PNG", "PPM"):
        return _Levels(0, 65535)  # 16 bits in a wider mode
    if image.mode.startswith(("I", "F")):
        kind = "integers" if image.mode.startswith("I") else "floating-point numbers"
        raise _UnusableError(
            f"holds signed or 32-bit {kind}, whose black and white are not known: "
            "convert it to 8 or 16 bits"
        )
    return None


def _rgb(image: Image.Image, levels: _Levels | None, background: Colour) -> Image.Image:
    """8 bits a channel, with `background` where the image is transparent."""
    from PIL import Image

    if levels is not None:
        values = np.asarray(image)
        rgb = Image.fromarray(levels.scale(values)).convert("RGB")
        if (clear := image.info.get("transparency")) is not None:
            rgb.paste(background, mask=Image.fromarray((values == clear).astype(np.uint8) * 255))
        return rgb
    if not image.has_transparency_data:
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, (*background, 255))
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def resize(image: Images, size: int) -> Images:
    """[H,W] or [H,W,C] -> [size,size(,C)], bilinear with half-pixel centres and antialiasing."""
    if image.shape[:2] == (size, size):
        return image
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
