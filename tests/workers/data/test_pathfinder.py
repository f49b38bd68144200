"""Pathfinder: the same bytes everywhere, and no way to the answer but along a curve."""

import hashlib
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from space.errors import DataError, InputError
from tests.support.generated import GeneratedSuite
from workers.data.datasets import open_source
from workers.data.pathfinder import draw_scene, place_curves
from workers.data.random_numbers import RandomNumbers
from workers.data.specs import Pathfinder, data_spec

PINNED = "7ed5c7bcac4bc37ad7aad3906b69dd3f80bc55fec4617ddbfdfdde074a6bd081"


class TestPathfinder(GeneratedSuite):
    """The contract of data sets."""

    spec = Pathfinder(curve_length=4, distractors=1)


def test_the_same_bytes_on_every_machine() -> None:
    images = open_source(Pathfinder()).splits["train"].read(np.arange(12))
    assert hashlib.sha256(images.tobytes()).hexdigest() == PINNED


def test_it_comes_balanced_in_the_sizes_that_are_asked_for() -> None:
    source = open_source(Pathfinder(size=64, curve_length=9, train_images=50, test_images=None))
    assert source.splits["train"].read(np.arange(2)).shape == (2, 64, 64, 1)
    assert np.bincount(source.splits["train"].labels).tolist() == [25, 25]
    assert np.bincount(source.splits["test"].labels).tolist() == [10_000, 10_000]


def _scene(number: int, **options: Any) -> list[np.ndarray]:
    return place_curves(Pathfinder(**options), RandomNumbers.of_image(0, "train", number))


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


@pytest.mark.parametrize("number", range(8))
def test_both_answers_have_their_dots_alike(number: int) -> None:
    """The same distance, the same angles of the first dashes to the line between the dots."""
    first, second = _scene(number)[:2]
    start, one, two = first[0], first[-1], second[0]
    line_one, line_two = _unit(one - start), _unit(two - start)
    assert np.linalg.norm(one - start) == pytest.approx(np.linalg.norm(two - start))
    ahead = _unit(first[1] - first[0])
    assert ahead @ line_one == pytest.approx(ahead @ line_two)
    back_one, back_two = _unit(first[-2] - one), _unit(second[1] - two)
    assert back_one @ line_one == pytest.approx(back_two @ line_two)


def test_curves_keep_apart_and_have_the_dashes_that_are_asked_for() -> None:
    for number in range(4):
        curves = _scene(number, curve_length=7, dash=2.5, distractors=2, distractor_length=3)
        assert [len(curve) - 1 for curve in curves] == [7, 7, 3, 3]
        for curve in curves:
            steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
            np.testing.assert_allclose(steps, [4.0] * (len(steps) - 1) + [2.5])
        for place, curve in enumerate(curves):
            for other in curves[:place]:
                apart = np.linalg.norm(curve[:, None] - other[None], axis=-1)
                assert apart.min() > 1.5 + 2


@pytest.mark.parametrize("number", range(4))
def test_the_answer_is_in_the_second_dot_alone(number: int) -> None:
    two, one = (
        draw_scene(Pathfinder(), RandomNumbers.of_image(0, "train", number), label).astype(int)
        for label in (0, 1)
    )
    assert 8 <= (two != one).sum() <= 2 * 5 * 5
    assert abs(two.sum() - one.sum()) < 0.03 * one.sum()


def test_contrast_is_of_the_dashes_and_not_of_the_dots() -> None:
    images = open_source(Pathfinder(contrast=0.4)).splits["test"].read(np.arange(2))
    assert images.max() == 255
    np.testing.assert_array_equal((images == 102).any(axis=(1, 2, 3)), True)


def _probe(images: int) -> tuple[float, float]:
    """What linear probes get right of the second half: by pixels, and by statistics."""
    split = open_source(Pathfinder()).splits["train"]
    pixels = split.read(np.arange(images))[..., 0].astype(float) / 255
    rows, columns = np.diff(pixels, axis=1), np.diff(pixels, axis=2)
    parts = [
        *(abs(edges).sum(axis=(1, 2)) for edges in (rows, columns)),
        *((pixels > level).sum(axis=(1, 2)) for level in (0.1, 0.5, 0.9)),
        *((pixels**power).sum(axis=(1, 2)) for power in (1, 2)),
        *pixels.reshape(images, 4, 8, 4, 8).sum(axis=(2, 4)).reshape(images, -1).T,
    ]
    statistics = np.stack(parts, axis=1)
    statistics = (statistics - statistics.mean(axis=0)) / statistics.std(axis=0)
    half, scores = images // 2, []
    for features in (pixels.reshape(images, -1), statistics):
        probe = RidgeClassifier(alpha=100.0).fit(features[:half], split.labels[:half])
        scores.append(float(probe.score(features[half:], split.labels[half:images])))
    return scores[0], scores[1]


def test_a_linear_probe_of_few_images_stays_near_chance() -> None:
    assert max(_probe(100)) < 0.5 + 3 * 0.5 / 50**0.5


@pytest.mark.slow
def test_a_linear_probe_stays_near_chance() -> None:
    assert max(_probe(4000)) < 0.54


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"size": 33}, "data.size: 33 is not a multiple of 8; write 32"),
        ({"curve_length": 20}, "data.curve_length: 20 dashes are 90 pixels long; write 14 or"),
        ({"distractors": 64}, "data.distractors: 140 dashes do not fit into 32 x 32 pixels"),
    ],
)
def test_what_has_no_room_is_refused(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        data_spec({"name": "pathfinder", **options}, "data")
    assert str(caught.value).startswith(expected)


def test_curves_that_find_no_place_are_an_error() -> None:
    with pytest.raises(DataError, match="pathfinder: the curves found no place in 1000 scenes"):
        open_source(Pathfinder(curve_length=13))
