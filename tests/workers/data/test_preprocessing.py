"""Preprocessing: one for training, evaluation and users, and no pixels without a range."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from space.errors import InputError
from workers.data.pack import Pack
from workers.data.preprocessing import Normalisation, normalise_pixels, to_unit


@dataclass(frozen=True)
class Facts:
    """Three channels, the last of which is constant."""

    mean: tuple[float, ...] = (0.5, 0.25, 1.0)
    std: tuple[float, ...] = (0.5, 0.125, 0.0)


def pixels(count: int = 5, size: int = 6, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, size, size, channels), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_stored_images_become_planes_in_0_to_1(channels: int) -> None:
    stored = torch.arange(2 * 4 * 5 * channels, dtype=torch.uint8).view(2, 4, 5, channels)
    made = to_unit(stored)
    assert made.shape == (2, channels, 4, 5)
    assert made.stride() == torch.empty(made.shape).stride()
    assert float(made[1, 0, 2, 3]) == pytest.approx(int(stored[1, 2, 3, 0]) / 255)


def test_the_training_split_is_normalised(digits: Pack) -> None:
    stored = torch.from_numpy(np.array(digits.images("train")))
    normal = Normalisation(digits, torch.device("cpu"))(to_unit(stored))
    assert normal.shape == (320, 1, 8, 8)
    assert abs(float(normal.mean())) < 1e-5
    assert math.isclose(float(normal.std()), 1.0, rel_tol=1e-3)


def test_users_get_what_training_and_evaluation_get() -> None:
    facts, stored = Facts(), pixels()
    theirs = Normalisation(facts, torch.device("cpu"))(to_unit(torch.from_numpy(stored)))
    assert torch.equal(normalise_pixels(stored, facts), theirs)
    assert torch.equal(normalise_pixels(torch.from_numpy(stored), facts, size=6), theirs)
    assert torch.equal(normalise_pixels(stored[0], facts), theirs[:1])
    mirrored = np.ascontiguousarray(stored[:, ::-1])
    assert torch.equal(normalise_pixels(stored[:, ::-1], facts), normalise_pixels(mirrored, facts))


def test_a_channel_without_deviation_is_divided_by_one() -> None:
    made = normalise_pixels(np.full((1, 6, 6, 3), 255, np.uint8), Facts())
    assert made[0, :, 0, 0].tolist() == [1.0, 6.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4", np.uint16, np.int64])
@pytest.mark.parametrize("white", [1.0, 255])
def test_other_types_say_their_range(dtype: Any, white: float) -> None:
    stored = pixels() if white == 255 else pixels() // 255 * 255
    same = (stored / (255 / white)).astype(dtype)
    expected = normalise_pixels(stored, Facts())
    for given in (same, torch.from_numpy(same.astype(np.dtype(dtype).newbyteorder("=")))):
        before = given.copy() if isinstance(given, np.ndarray) else given.clone()
        result = normalise_pixels(given, Facts(), value_range=white)
        torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
        assert np.array_equal(before, given)
        with pytest.raises(
            InputError, match=r"pixels: \w+ values may have any range.*value_range"
        ):
            normalise_pixels(given, Facts())


@pytest.mark.parametrize(
    ("given", "range_", "problem"),
    [
        (pixels() / 255.0 * 2, 1.0, "values from 0 to 2 are not within 0 to 1"),
        (pixels() / 255.0 - 0.5, 1.0, "not within 0 to 1"),
        (np.full((1, 6, 6, 3), np.nan), 1.0, "values from nan"),
        (pixels(), -1.0, "-1.0 is not a number above 0"),
        (pixels(), "1", "'1' is not a number above 0"),
        (pixels().tolist(), None, r"a list is not an array; give np.asarray"),
        (pixels().astype(complex), 1.0, "an array of complex128"),
        (pixels().astype(str), None, "an array of <U3"),
        (pixels(channels=4), None, r"the shape \[5, 6, 6, 4\] does not fit; give \[N, 6, 6, 3\]"),
        (pixels(channels=4).transpose(0, 3, 1, 2), None, "or channels first"),
        (pixels(size=7).transpose(0, 3, 1, 2), None, "crop and resize the images to"),
        ([Image.new("RGB", (6, 6)), Image.new("RGB", (5, 6))], None, "images of 5x6 and 6x6"),
        (
            Image.new("RGBA", (6, 6)),
            None,
            "of the mode RGBA; convert it to RGB",
        ),
        (Image.new("I;16", (6, 6)), None, r"give np.asarray\(image\), and the value of white"),
        (pixels(size=7), None, r"crop and resize the images to \[N, 6, 6, 3\]"),
        (pixels()[:, :4], None, "crop and resize"),
        (pixels()[0, 0], None, r"the shape \[6, 3\]"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_cure(given: Any, range_: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        normalise_pixels(given, Facts(), size=6, value_range=range_)


def test_channels_may_come_first() -> None:
    facts, stored = Facts(), pixels()
    first = np.ascontiguousarray(stored.transpose(0, 3, 1, 2))
    assert torch.equal(normalise_pixels(first, facts), normalise_pixels(stored, facts))
    assert torch.equal(normalise_pixels(first[0], facts), normalise_pixels(stored[0], facts))
    three = pixels(size=3)  # may be either: channels are last
    last = Normalisation(facts, torch.device("cpu"))(to_unit(torch.from_numpy(three)))
    assert torch.equal(normalise_pixels(three, facts), last)
    between = torch.from_numpy(first).to(memory_format=torch.channels_last)
    assert torch.equal(normalise_pixels(between, facts), normalise_pixels(stored, facts))


def test_images_of_pillow_are_arrays() -> None:
    facts, stored = Facts(), pixels()
    images = [Image.fromarray(one) for one in stored]
    assert torch.equal(normalise_pixels(images, facts), normalise_pixels(stored, facts))
    assert torch.equal(normalise_pixels(images[1], facts), normalise_pixels(stored[1], facts))
    grey = np.repeat(stored[..., :1], 3, axis=-1)
    made = normalise_pixels(Image.fromarray(stored[0, ..., 0]), facts)
    assert torch.equal(made, normalise_pixels(grey[0], facts))
    one = Facts(mean=(0.5,), std=(0.5,))
    made = normalise_pixels(Image.fromarray(stored[0, ..., 0]), one)
    assert torch.equal(made, normalise_pixels(stored[0, ..., :1], one))
    with pytest.raises(InputError, match=r"mode RGB; convert it to L: image.convert\(.L.\)"):
        normalise_pixels(images[0], one)


def test_a_batch_of_grey_images_needs_the_axis_of_their_channel() -> None:
    grey = Facts(mean=(0.5,), std=(0.5,))
    one = pixels(channels=1)[0]
    assert torch.equal(normalise_pixels(one[..., 0], grey), normalise_pixels(one, grey))
    with pytest.raises(InputError, match=r"pixels\[..., None\] has the axis"):
        normalise_pixels(pixels(channels=1)[..., 0], grey)
    assert normalise_pixels(pixels(channels=1), grey).shape == (5, 1, 6, 6)


def test_gradients_reach_the_pixels() -> None:
    given = torch.rand(1, 6, 6, 3, requires_grad=True)
    normalise_pixels(given, Facts(), value_range=1.0).sum().backward()
    assert given.grad is not None
    assert given.grad[0, 0, 0].tolist() == [2.0, 8.0, 1.0]
