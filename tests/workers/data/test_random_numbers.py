"""Numbers that every machine draws alike, and that are spread as they say."""

import numpy as np

from workers.data.random_numbers import RandomNumbers, rotate, turn


def test_numbers_are_the_same_on_every_machine() -> None:
    random = RandomNumbers.of_image(3, "test", 7)
    assert random.integers(1000, 4).tolist() == [445, 607, 151, 333]
    assert random.uniform(-1, 1, 2).tolist() == [0.32090812568673877, 0.41987519473674517]


def test_each_image_has_numbers_of_its_own() -> None:
    places = [
        (0, "train", 5),
        (0, "train", 6),
        (0, "test", 5),
        (0, "validation", 5),
        (1, "train", 5),
    ]
    drawn = {RandomNumbers.of_image(*place).integer(2**32) for place in places}
    assert len(drawn) == len(places)


def test_they_fill_their_range() -> None:
    random = RandomNumbers(0, 0)
    counts = np.bincount(random.integers(5, 10_000), minlength=5)
    assert counts.min() > 1800
    values = random.uniform(2, 4, 100, 100)
    assert values.min() >= 2
    assert values.max() < 4
    assert abs(values.mean() - 3) < 0.03


def test_directions_are_unit_vectors_all_round() -> None:
    vectors = RandomNumbers(0, 1).directions(8000)
    np.testing.assert_allclose((vectors**2).sum(axis=1), 1, rtol=1e-14)
    angles = np.arctan2(vectors[:, 1], vectors[:, 0])
    counts, _ = np.histogram(angles, bins=8, range=(-np.pi, np.pi))
    assert counts.min() > 850


def test_a_turn_turns_by_twice_the_angle_of_its_tangent() -> None:
    turned = rotate(np.array([[1.0, 0.0], [0.0, 2.0]]), turn(np.array([1.0, 1.0])))
    np.testing.assert_allclose(turned, [[0, 1], [-2, 0]])
