"""Spoilt images: the same for everybody, graded, and of the strength that the table says."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from space.errors import InputError
from workers.robustness.corruptions import CORRUPTIONS, GREY, LEVELS, Images, Pixels, corrupt


def _draw(count: int = 6, side: int = 32, channels: int = 3) -> Pixels:
    """Smooth images, and none of their pixels grey."""
    random = np.random.RandomState(0)
    coarse = random.randint(0, 100, (count, side // 4, side // 4, channels))
    return np.kron(coarse, np.ones((1, 4, 4, 1))).astype(np.uint8)


def _all(whole: Pixels, **changes: object) -> Images:
    facts = {"whole": whole, "numbers": range(len(whole)), "split": "validation"} | changes
    return Images(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_an_image_is_spoilt_alike_in_every_batch_and_more_at_each_level(kind: str) -> None:
    whole = _draw()
    before = whole.copy()
    distances = []
    for level in LEVELS:
        spoilt = corrupt(_all(whole), kind, level)
        assert spoilt.dtype == np.uint8
        assert spoilt.shape == whole.shape
        some = corrupt(_all(whole, numbers=[4, 1]), kind, level)
        assert (some == spoilt[[4, 1]]).all()
        distances.append(float(((spoilt - whole.astype(float)) ** 2).mean()))
    assert (whole == before).all()
    assert distances[0] > 0
    assert distances == sorted(distances)
    drawn = kind in ("occlusion", "clutter", "noise")
    for other in ({"seed": 1}, {"split": "test"}):
        assert (corrupt(_all(whole, **other), kind, 5) != spoilt).any() == drawn


def test_the_share_of_cells_is_grey_and_higher_levels_cover_more_of_the_same() -> None:
    whole = np.zeros((3, 32, 32, 1), dtype=np.uint8)
    last = np.zeros(whole.shape, dtype=bool)
    for level, share in zip(LEVELS, CORRUPTIONS["occlusion"].levels, strict=True):
        grey = corrupt(_all(whole), "occlusion", level) == GREY
        assert (grey.mean(axis=(1, 2, 3)) == round(64 * share) / 64).all()
        assert grey[last].all()
        last = grey


def test_clutter_is_pieces_of_other_images() -> None:
    whole = np.stack([np.full((16, 16, 1), 10 * number, np.uint8) for number in range(1, 9)])
    spoilt = corrupt(_all(whole), "clutter", 5)
    for number, image in enumerate(spoilt):
        own = 10 * (number + 1)
        assert {*np.unique(image).tolist()} <= {*range(10, 90, 10)}
        assert 0 < (image != own).mean() <= 0.5
    assert (corrupt(_all(whole[:1]), "clutter", 5) == whole[:1]).all()


def test_noise_has_the_deviation_of_the_table() -> None:
    whole = np.full((4, 64, 64, 1), 128, dtype=np.uint8)
    spoilt = corrupt(_all(whole), "noise", 1).astype(float) / 255
    assert spoilt.std() == pytest.approx(0.08, rel=0.03)
    assert spoilt.mean() == pytest.approx(128 / 255, abs=0.003)


def test_blur_is_a_convolution_with_a_gaussian() -> None:
    whole = np.zeros((1, 65, 65, 1), dtype=np.uint8)
    whole[0, 32, 32, 0] = 255
    blurred = corrupt(_all(whole), "blur", 1)[0, :, :, 0]
    deviation = 0.01 * 65
    at = np.exp(-0.5 * (np.arange(-5, 6) / deviation) ** 2)
    expected = 255 * np.outer(at, at) / at.sum() ** 2
    assert np.abs(blurred[27:38, 27:38] - expected).max() < 1


def test_contrast_is_lowered_around_each_channel_s_mean() -> None:
    whole = _draw()
    mean = whole.mean(axis=(1, 2), keepdims=True)
    expected = mean + 0.3 * (whole - mean)
    assert np.abs(corrupt(_all(whole), "contrast", 3) - expected).max() <= 0.5


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_that_of_pillow(channels: int) -> None:
    whole = _draw(channels=channels)
    file = io.BytesIO()
    Image.fromarray(whole[2].squeeze()).save(file, "JPEG", quality=10)
    expected = np.asarray(Image.open(file)).reshape(whole[2].shape)
    assert (corrupt(_all(whole, numbers=[2]), "jpeg", 4)[0] == expected).all()


@pytest.mark.parametrize(
    ("kind", "level", "message"),
    [
        ("fog", 1, "kind: fog is none; there are occlusion, clutter"),
        ("noise", 6, "severity: there is no 6; give 1 to 5"),
        ("jpeg", 1, "kind: jpeg: images of 2 channels cannot be compressed as JPEG"),
    ],
)
def test_what_cannot_be_done_is_refused(kind: str, level: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        corrupt(_all(_draw(channels=2)), kind, level)


@pytest.mark.parametrize("side", [1, 2, 5, 8])
def test_small_images_are_spoilt_as_well(side: int) -> None:
    whole = np.full((2, side, side, 1), 7, dtype=np.uint8)
    for kind in CORRUPTIONS:
        assert corrupt(_all(whole), kind, 5).shape == whole.shape
