"""The occluded digits: what is in them, and that it never changes."""

import hashlib

import numpy as np
import pytest

from tests.support.datasets import pixels
from workers.data.datasets import open_source
from workers.data.specs import Digits, DigitsOccluded


@pytest.mark.parametrize("size", [8, 16, 24, 32])
def test_occluded_digits_come_in_multiples_of_8(size: int) -> None:
    source = open_source(DigitsOccluded(size=size, train_images=20, test_images=10))
    assert pixels(source, "train").shape == (20, size, size, 1)
    assert pixels(source, "test").shape == (10, size, size, 1)


PINNED = "b27c0b731168d0f9088ac4023b055709fd719a62d2f73095ea581b891dc28c84"


def test_occluded_digits_are_the_same_bytes_on_every_machine() -> None:
    images = open_source(DigitsOccluded(validation=0)).splits["train"].read(np.arange(50))
    assert hashlib.sha256(images.tobytes()).hexdigest() == PINNED


def test_an_image_depends_on_the_seed_and_its_own_number_only() -> None:
    whole, again, other = (
        open_source(DigitsOccluded(seed=seed, copies=copies, validation=0)).splits["train"]
        for seed, copies in ((0, 2), (0, 3), (1, 2))
    )
    few = np.array([7, 3, 1207])
    np.testing.assert_array_equal(whole.read(few), again.read(few))
    np.testing.assert_array_equal(whole.read(few)[1], whole.read(np.array([3]))[0])
    assert (whole.read(few) != other.read(few)).any(axis=(1, 2, 3)).all()


def test_a_copy_is_the_same_digit_occluded_otherwise() -> None:
    split = open_source(DigitsOccluded(copies=2, validation=0)).splits["train"]
    first, second = split.read(np.array([5, 1205]))
    assert split.labels[5] == split.labels[1205]
    assert (first != second).any()


def test_nothing_added_leaves_the_digits() -> None:
    bare = DigitsOccluded(fragments=0, occluder=(0, 0), noise=0.0, copies=1)
    np.testing.assert_array_equal(
        pixels(open_source(bare), "test"), pixels(open_source(Digits(size=16)), "test")
    )


def test_noise_has_the_standard_deviation_asked_for() -> None:
    made = [
        pixels(open_source(DigitsOccluded(fragments=0, occluder=(0, 0), noise=noise)), "test")
        for noise in (0.0, 0.15)
    ]
    clean, noisy = (part.astype(float) / 255 for part in made)
    inside = (clean > 0.45) & (clean < 0.55)  # three deviations from black and from white
    difference = (noisy - clean)[inside]
    assert abs(difference.std() - 0.15) < 0.005
    assert abs(difference.mean()) < 0.005
