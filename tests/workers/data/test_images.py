"""One image as an array: every depth and mode keeps its values, whatever is no image is named."""

import io
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import EpsImagePlugin, Image

from space.errors import DataError
from workers.data.images import (
    BrokenImages,
    Colour,
    Framing,
    decode_image,
    read_image,
    read_images,
)


def read(path: Path, size: int = 8, background: Colour = (255, 255, 255)) -> np.ndarray:
    return read_image(path, Framing(size=size, shortest=size, background=background))


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def plain(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (8, 8), colour)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------- depths and modes


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
@pytest.mark.parametrize("value", [0, 60, 190, 255])
def test_16_bits_of_grey_are_divided_by_257(tmp_path: Path, suffix: str, value: int) -> None:
    grey = Image.fromarray(np.full((8, 8), 257 * value, np.uint16))
    assert (read(saved(grey, tmp_path / f"x.{suffix}")) == value).all()


def png(width: int, height: int, depth: int, kind: int, data: bytes) -> bytes:
    """A PNG whose header says so, whatever its data are."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = (
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in (header, b"IDAT" + zlib.compress(data), b"IEND")
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (2, (60, 190, 1), (60, 190, 1)),
        (6, (60, 190, 1, 255), (60, 190, 1)),
        (4, (60, 255), (60, 60, 60)),
        (4, (60, 0), (255, 255, 255)),
    ],
)
def test_16_bits_of_colours_and_of_opacity_keep_their_values(
    tmp_path: Path, kind: int, values: tuple[int, ...], expected: Colour
) -> None:
    pixel = b"".join(struct.pack(">H", 257 * value) for value in values)
    (tmp_path / "x.png").write_bytes(png(1, 1, 16, kind, b"\0" + pixel))
    result = read_image(tmp_path / "x.png", Framing(size=1, shortest=1))
    assert tuple(result[0, 0]) == expected


def tiff(order: str, bits: int, photometric: int, strip: bytes) -> bytes:
    """A grey TIFF of 2 x 1 pixels."""
    tags = {256: 2, 257: 1, 258: bits, 259: 1, 262: photometric, 273: 122, 277: 1, 278: 1}
    entries = [
        struct.pack(f"{order}HHII", tag, 4, 1, value)
        for tag, value in (tags | {279: len(strip)}).items()
    ]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    return head + b"".join(entries) + bytes(4) + strip


@pytest.mark.parametrize(
    ("order", "bits", "photometric", "strip", "expected"),
    [
        ("<", 16, 1, "ffff ffff", 255),
        ("<", 16, 1, "3c3c 3c3c", 60),
        (">", 16, 1, "0100 0100", 1),
        ("<", 16, 0, "0000 0000", 255),  # white is 0
        ("<", 12, 1, "ff ff ff", 255),
        ("<", 12, 1, "80 08 00", 128),
    ],
)
def test_grey_tiffs_reach_from_black_to_white(
    tmp_path: Path, order: str, bits: int, photometric: int, strip: str, expected: int
) -> None:
    path = tmp_path / "x.tif"
    path.write_bytes(tiff(order, bits, photometric, bytes.fromhex(strip)))
    assert (read_image(path, Framing(size=1, shortest=1)) == expected).all()


@pytest.mark.parametrize(
    ("image", "suffix", "expected"),
    [
        (plain("1", 1), "png", (255, 255, 255)),
        (plain("L", 60), "png", (60, 60, 60)),
        (plain("RGB", (10, 20, 30)), "webp", (10, 20, 30)),
        (plain("RGB", (10, 20, 30)), "bmp", (10, 20, 30)),
        (plain("RGB", (10, 20, 30)), "ppm", (10, 20, 30)),
        (plain("RGB", (200, 20, 30)).quantize(4), "gif", (200, 20, 30)),
        (plain("CMYK", (0, 255, 255, 0)), "tif", (255, 0, 0)),
        (plain("CMYK", (0, 0, 0, 255)), "jpg", (0, 0, 0)),
        (plain("RGB", (200, 20, 30)).convert("YCbCr"), "tif", (200, 20, 30)),
        (plain("RGB", (200, 20, 30)), "jpg", (200, 20, 30)),
        (plain("RGBA", (10, 20, 30, 255)), "png", (10, 20, 30)),
    ],
)
def test_every_mode_gives_its_colours(
    tmp_path: Path, image: Image.Image, suffix: str, expected: Colour
) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    result = read(saved(image, tmp_path / f"x.{suffix}", **options)).astype(int)
    assert abs(result - expected).max() <= 3  # of JPEG and YCbCr


def ink(mode: str) -> Image.Image:
    """Black ink on the left half, nothing (but black under it) on the right."""
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    return image.convert(mode)


@pytest.mark.parametrize("background", [(255, 255, 255), (9, 90, 200)])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_shows_the_background(
    tmp_path: Path, mode: str, background: Colour
) -> None:
    if mode == "PA":  # a palette with a clear entry
        image = Image.new("P", (8, 8), 0)
        image.putpalette([0, 0, 0, 0, 0, 1])
        image.paste(1, (4, 0, 8, 8))
        path = saved(image, tmp_path / "x.png", transparency=1)
    else:
        path = saved(ink(mode), tmp_path / "x.png")
    result = read(path, background=background)
    assert (result[:, :4] == 0).all()
    assert (result[:, 4:] == background).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_that_stands_for_nothing_shows_the_background(
    tmp_path: Path, dtype: npt.DTypeLike
) -> None:
    values: npt.NDArray[Any] = np.zeros((8, 8), dtype)
    values[:, 4:] = 7
    path = saved(Image.fromarray(values), tmp_path / "x.png", transparency=7)
    result = read(path, background=(1, 2, 3))
    assert (result[:, :4] == 0).all()
    assert (result[:, 4:] == (1, 2, 3)).all()


def test_half_transparent_pixels_are_mixed(tmp_path: Path) -> None:
    path = saved(plain("RGBA", (255, 0, 0, 128)), tmp_path / "x.png")
    np.testing.assert_array_equal(read(path, background=(0, 0, 255))[0, 0], [128, 0, 127])


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_values_without_a_known_white_are_refused(tmp_path: Path, dtype: npt.DTypeLike) -> None:
    values: npt.NDArray[Any] = np.linspace(0, 1, 64).reshape(8, 8).astype(dtype)
    with pytest.raises(DataError, match=r"x\.tif: holds signed or 32-bit .*convert it to 8 or 16"):
        read(saved(Image.fromarray(values), tmp_path / "x.tif"))


# ------------------------------------------------------------------------------ turning and sizes


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_an_image_is_seen_as_its_camera_was_held(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    upright = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    turns = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation]))
    path = saved(stored, tmp_path / f"x.{suffix}", exif=exif)
    np.testing.assert_array_equal(read(path), upright)


def test_damaged_exif_data_do_not_matter(tmp_path: Path) -> None:
    path = saved(plain("RGB", (200, 20, 30)), tmp_path / "x.jpg", exif=b"Exif\0\0MM\0*\xff\xff")
    assert read(path).shape == (8, 8, 3)


@pytest.mark.parametrize("shape", [(1, 60_000), (60_000, 1), (20, 3000)])
def test_of_a_long_strip_the_middle_is_taken(tmp_path: Path, shape: tuple[int, int]) -> None:
    values = np.zeros(shape, np.uint8)
    long = int(np.argmax(shape))
    np.moveaxis(values, long, 0)[max(shape) // 2 - 40 : max(shape) // 2 + 40] = 255
    path = saved(Image.fromarray(values), tmp_path / "x.png")
    framing = Framing(size=224, shortest=224)
    assert (read_image(path, framing) == 255).all()


@pytest.mark.parametrize(("size", "shortest"), [(32, 32), (24, 57), (7, 7), (64, 100)])
def test_an_image_is_resized_as_a_whole_and_cropped(
    tmp_path: Path, size: int, shortest: int
) -> None:
    rng = np.random.default_rng(size)
    for width, height in rng.integers(20, 300, (6, 2)):
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))
        path = saved(image, tmp_path / "x.png")
        scale = shortest / min(width, height)
        whole = [max(shortest, round(side * scale)) for side in (width, height)]
        left, top = ((side - size) // 2 for side in whole)
        expected = image.resize(tuple(whole), Image.Resampling.BILINEAR)
        expected = expected.crop((left, top, left + size, top + size))
        result = read_image(path, Framing(size=size, shortest=shortest))
        np.testing.assert_array_equal(result, np.asarray(expected))


# ----------------------------------------------------------------------------- what is not decoded


@pytest.mark.parametrize("side", [9_460, 13_000, 100_000])
def test_a_decompression_bomb_is_named_and_not_unpacked(tmp_path: Path, side: int) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png(side, side, 1, 0, bytes(1000)))
    with pytest.raises(DataError, match=r"x\.png: has more than 89,478,485 pixels"):
        read_images([path], Framing(size=8, shortest=8))


def test_eps_starts_no_other_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("Ghostscript")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", started)
    path = tmp_path / "x.png"
    saved(plain("RGB", (1, 2, 3)), path, format="EPS")
    with pytest.raises(DataError, match=r"x\.png: cannot be decoded \(not an image of JPEG, "):
        read(path)


def test_what_is_no_file_is_one_error_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("/dev/zero")
    (tmp_path / "c.png").symlink_to("c.png")
    (tmp_path / "d.png").symlink_to("gone.png")
    (tmp_path / "e.png").mkdir()
    with pytest.raises(BrokenImages) as caught:
        read_images(sorted(tmp_path.iterdir()), Framing(size=8, shortest=8), workers=2)
    problems = dict(caught.value.images)
    assert [Path(path).name for path in problems] == ["a.png", "b.png", "c.png", "d.png", "e.png"]
    assert [*problems.values()][:2] == ["is not a regular file"] * 2


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "webp", "bmp", "ppm"])
@pytest.mark.parametrize("trials", [60, pytest.param(3000, marks=pytest.mark.slow)])
def test_damaged_files_are_an_image_or_one_error(tmp_path: Path, suffix: str, trials: int) -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8))
    whole = saved(image, tmp_path / f"whole.{suffix}").read_bytes()
    path, framing = tmp_path / f"x.{suffix}", Framing(size=8, shortest=8)
    for trial in range(trials):
        data = bytearray(whole[: rng.integers(1, len(whole))] if trial % 3 == 0 else whole)
        for place in rng.integers(0, min(len(data), 400), 3):
            data[place] = rng.integers(0, 256)
        path.write_bytes(data)
        with suppress(BrokenImages):
            assert read_images([path], framing).shape == (1, 8, 8, 3)


def test_broken_images_are_named_together(tmp_path: Path) -> None:
    good = saved(plain("RGB", (1, 2, 3)), tmp_path / "good.png")
    bad = [tmp_path / f"bad{number:02}.png" for number in range(23)]
    for path in bad:
        path.write_bytes(b"no image")
    framing = Framing(size=8, shortest=8)
    with pytest.raises(BrokenImages, match="23 images cannot be used; mend or delete") as caught:
        read_images([bad[0], good, *bad[1:]], framing, workers=3)
    text = str(caught.value)
    assert all(path.name in text for path in bad[:20])
    assert "bad20" not in text
    assert text.endswith("and 3 more")
    assert len(caught.value.images) == 23


# ------------------------------------------------------------------------------ images of any size


def encoded(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def test_an_image_that_is_not_framed_keeps_its_size() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 7, 3), np.uint8)
    image = Image.fromarray(pixels)
    assert (decode_image(encoded(image), "a", (0, 0, 0)) == pixels).all()
    turned = Image.Exif()
    turned[0x0112] = 3  # upside down
    upright = decode_image(encoded(image, exif=turned), "a", (0, 0, 0))
    assert (upright == pixels[::-1, ::-1]).all()
    clear = Image.new("RGBA", (4, 2), (255, 0, 0, 0))
    assert (decode_image(encoded(clear), "a", (9, 8, 7)) == (9, 8, 7)).all()
    with pytest.raises(BrokenImages, match=r"^a\\x1b: cannot be decoded \(not an image of JPEG"):
        decode_image(b"no image", "a\x1b", (0, 0, 0))
