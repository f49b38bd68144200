"""Objects: the same bytes everywhere, splits that share nothing, and no answer in the pixels."""

import hashlib
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from tests.support.generated import GeneratedSuite
from workers.data.datasets import open_source
from workers.data.objects import CLASSES, INSTANCES, draw_object, make_solids
from workers.data.random_numbers import RandomNumbers
from workers.data.specs import Objects

PINNED = "e477f2e1439a2e0ef0b4c5db262b3a40d3e10f4dcc028244d845a6fbaf1a10b1"


class TestObjects(GeneratedSuite):
    """The contract of data sets."""

    spec = Objects()


def test_the_same_bytes_on_every_machine() -> None:
    images = open_source(Objects()).splits["train"].read(np.arange(24))
    assert hashlib.sha256(images.tobytes()).hexdigest() == PINNED


def test_it_comes_balanced_in_the_sizes_that_are_asked_for() -> None:
    source = open_source(Objects(size=48, train_images=80, test_images=16))
    assert source.classes == CLASSES
    assert len(CLASSES) == 8
    assert source.splits["train"].read(np.arange(2)).shape == (2, 48, 48, 1)
    assert np.bincount(source.splits["train"].labels).tolist() == [10] * 8


def test_splits_have_solids_of_their_own() -> None:
    for label in range(len(CLASSES)):
        proportions = {
            (split, number): tuple(solid.stretch.round(12))
            for split in INSTANCES
            for number, solid in enumerate(make_solids(Objects(), split, label))
        }
        assert len(set(proportions.values())) == len(proportions) == sum(INSTANCES.values())


def _draw(label: int, number: int = 0, **options: Any) -> np.ndarray:
    spec = Objects(**options)
    solids = [make_solids(spec, "test", each) for each in range(len(CLASSES))]
    return draw_object(spec, "test", solids, label, RandomNumbers.of_image(0, "test", number))


def test_without_variation_an_object_stands_upright_in_the_middle() -> None:
    plain: dict[str, Any] = {
        "variation": 0,
        "distractors": 0,
        "occlusion": 0,
        "background": "noise",
    }
    for number in range(4):
        one, other = (_draw(label, number, **plain).astype(int) for label in (0, 7))
        rows, columns = np.nonzero(one != other)
        assert len(rows) > 60
        assert min(rows.min(), columns.min()) > 2
        assert max(rows.max(), columns.max()) < 30


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_bar_hides_the_part_that_is_asked_for(share: float) -> None:
    """Of the pixels in which an object differs from its background."""
    kept = []
    for number in range(20):
        options: dict[str, Any] = {"distractors": 0, "background": "noise", "size": 96}
        whole, hidden = (_draw(3, number, **options, occlusion=part) for part in (0, share))
        other = _draw(0, number, **options, occlusion=0)
        own = whole != other
        kept.append((whole == hidden)[own].mean())
    assert np.mean(kept) == pytest.approx(1 - share, abs=0.08)


def _probes(train: int, test: int, **options: Any) -> dict[str, float]:
    """What probes of the raw pixels get right on the test split."""
    source = open_source(Objects(train_images=train, test_images=test, **options))
    pixels, labels = {}, {}
    for name, split in source.splits.items():
        images = split.read(np.arange(len(split.labels)))
        pixels[name] = images.reshape(len(images), -1) / 255
        labels[name] = split.labels
    probes = {
        "linear": RidgeClassifier(alpha=100.0),
        "logistic": LogisticRegression(C=0.001, max_iter=100),
        "nearest": KNeighborsClassifier(1),
        "nearest 20": KNeighborsClassifier(20),
    }
    return {
        name: float(
            probe.fit(pixels["train"], labels["train"]).score(pixels["test"], labels["test"])
        )
        for name, probe in probes.items()
    }


def test_few_images_do_not_tell_pixels_the_class() -> None:
    assert max(_probes(240, 120).values()) < 0.35


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"distractors": 0, "occlusion": 0}], ids=["default", "bare"]
)
def test_pixels_do_not_tell_the_class(options: dict[str, Any]) -> None:
    assert max(_probes(4000, 1000, **options).values()) < 0.35
