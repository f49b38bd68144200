"""Cluttered digits: the same bytes everywhere, the central one named, hidden as much as asked."""

import hashlib

import numpy as np
import pytest

from space.errors import InputError
from tests.support.generated import GeneratedSuite
from workers.data.clutter import COPIES, Scene, open_clutter, read_digit_sets
from workers.data.datasets import open_source
from workers.data.random_numbers import RandomNumbers
from workers.data.specs import Clutter, data_spec

PINNED = "738dbf7646dbb2e34ea43d1c2635859daa905ce8624196d7e0d235336e4eff29"


class TestClutter(GeneratedSuite):
    """The contract of data sets."""

    spec = Clutter()


def test_the_same_bytes_on_every_machine() -> None:
    split = open_source(Clutter(noise=0.1, digits=4)).splits["train"]
    assert hashlib.sha256(split.read(np.arange(20)).tobytes()).hexdigest() == PINNED


@pytest.mark.parametrize("size", [16, 48])
def test_it_comes_in_multiples_of_16(size: int) -> None:
    split = open_source(Clutter(size=size)).splits["test"]
    assert split.read(np.arange(3)).shape == (3, size, size, 1)


@pytest.mark.parametrize("occlusion", [0.0, 0.2, 0.4, 0.6])
def test_the_named_digit_is_hidden_as_much_as_is_asked_for(occlusion: float) -> None:
    spec = Clutter(digits=5, occlusion=occlusion)
    digits = read_digit_sets(spec.size // 2)["test"]
    scenes = [Scene(spec, digits, n, RandomNumbers.of_image(0, "test", n)) for n in range(60)]
    shares = np.array([scene.hidden_share for scene in scenes])
    assert abs(np.median(shares) - occlusion) < 0.03
    assert abs(shares.mean() - occlusion) < 0.06


def test_what_is_said_to_be_hidden_is_hidden_in_the_picture() -> None:
    """At 1 of what is asked for next to nothing of the named digit is left, at 0 all of it."""
    digits = read_digit_sets(16)["test"]
    for occlusion in (0.0, 1.0):
        spec = Clutter(digits=3, occlusion=occlusion)
        random = RandomNumbers.of_image(0, "test", 4)
        scene = Scene(spec, digits, 4, random)
        image = scene.draw(random).astype(float)
        alone = np.zeros((32, 32))
        best = 0.0
        for top in range(7, 10):
            for left in range(7, 10):
                alone[:] = 0
                alone[top : top + 16, left : left + 16] = digits.greys[4]
                ink = alone >= 64
                ratios = image[ink] / alone[ink]
                # One grey for the whole digit: most pixels have it where nothing hides them.
                best = max(best, float((abs(ratios - np.median(ratios)) < 0.02).mean()))
        assert best > 0.95 if occlusion == 0 else best < 0.6


def test_digits_alone_are_the_digits() -> None:
    """Nothing else in the picture: every digit lies whole within it, at the centre."""
    images = open_source(Clutter(digits=1, occlusion=0)).splits["test"].read(np.arange(50))
    assert (images[:, :6].max(), images[:, -6:].max()) == (0, 0)
    assert images.max(axis=(1, 2, 3)).min() >= 100
    places = np.argwhere(images[..., 0] > 64)[:, 1:]
    assert abs(places.mean(axis=0) - 15.5).max() < 1.0


def test_no_digit_is_in_two_splits() -> None:
    sets = read_digit_sets(16)
    assert [len(digits.labels) for digits in sets.values()] == [1000, 200, 597]
    seen = [{grey.tobytes() for grey in digits.greys} for digits in sets.values()]
    assert len(set.union(*seen)) == sum(map(len, seen))
    assert np.bincount(sets["validation"].labels).min() >= 15
    source = open_clutter(Clutter())
    for split, copies in COPIES.items():
        np.testing.assert_array_equal(
            source.splits[split].labels, np.tile(sets[split].labels, copies)
        )


def test_one_digit_cannot_be_hidden() -> None:
    with pytest.raises(InputError, match=r"data.digits: 1 digit alone is hidden by none; write 2"):
        data_spec({"name": "clutter", "digits": 1}, "data")
    with pytest.raises(InputError, match=r"data.size: 40 is not a multiple of 16; write 32"):
        data_spec({"name": "clutter", "size": 40}, "data")
