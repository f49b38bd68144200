from __future__ import annotations

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.correlation import Floats
from workers.brains.turing import find_power, judge_model


def draw(
    random: np.random.RandomState, animals: int, excess: float = 0, *, skewed: bool = False
) -> Floats:
    """Distances of subjects that differ as sources, as targets and by pair, the model further."""
    count = animals + 1
    sources, targets = 0.1 * random.randn(2, count)
    if skewed:
        sources, targets = random.gamma(4, 0.05, (2, count))
    distances: Floats = 0.3 + sources[:, None] + targets + 0.1 * random.rand(count, count)
    distances[-1] += excess
    distances[:, -1] += excess
    return distances


@pytest.mark.parametrize("animals", [3, 8])
def test_one_more_animal_is_rejected_at_the_nominal_rate(animals: int) -> None:
    random = np.random.RandomState(0)
    verdicts = [judge_model(draw(random, animals)) for _ in range(1200)]
    for place in range(3):
        rate = np.mean([one[place].rejected for one in verdicts])
        assert 0.03 < rate < 0.07
    # A long tail of far animals costs some of it: a skewness of 1 here.
    skewed = [judge_model(draw(random, animals, skewed=True)) for _ in range(1200)]
    assert np.mean([one[2].rejected for one in skewed]) < 0.12
    # Ranks are exact, whatever the distances are like.
    below = np.mean([one[0].rank_p <= 1 / (animals + 1) for one in skewed])
    assert below == pytest.approx(1 / (animals + 1), abs=0.03)


def test_a_bad_model_is_nearly_always_rejected_and_a_good_one_is_not() -> None:
    random = np.random.RandomState(1)
    bad = [judge_model(draw(random, 6, 0.8))[2].rejected for _ in range(200)]
    near = [judge_model(draw(random, 6, -0.8))[2].rejected for _ in range(200)]
    assert np.mean(bad) > 0.95
    assert not any(near)


def test_the_numbers_are_mean_distances_in_both_directions() -> None:
    distances = np.array(
        [[9.0, 0.2, 0.4, 0.6], [0.1, 9, 0.3, 0.5], [0.3, 0.5, 9, 0.4], [0.6, 0.6, 0.9, 9]]
    )
    outward, inward, both = judge_model(distances)
    assert (outward.direction, inward.direction, both.direction) == ("out", "in", "both")
    assert outward.model == pytest.approx(0.7)
    assert outward.others == pytest.approx(np.mean([0.4, 0.3, 0.4]))
    assert inward.model == pytest.approx(0.5)
    assert inward.others == pytest.approx(np.mean([1 / 3, 1.3 / 3, 1.6 / 3]))
    assert outward.deviation == pytest.approx(np.std([0.4, 0.3, 0.4], ddof=1))
    assert outward.effect == pytest.approx((0.7 - 1.1 / 3) / outward.deviation)
    assert (outward.rank_p, inward.rank_p) == (0.25, 0.5)
    assert both.p == pytest.approx(2 * outward.p)
    assert both.model == outward.model
    assert both.animals == 3


def test_power_is_the_share_of_models_that_are_rejected() -> None:
    random = np.random.RandomState(2)
    counts = [4, 8, 16]
    expected = find_power(2.5, counts)
    for count, power in zip(counts, expected, strict=True):
        numbers = random.randn(3000, count + 1)
        numbers[:, -1] += 2.5
        mean, spread = numbers[:, :-1].mean(axis=1), numbers[:, :-1].std(axis=1, ddof=1)
        # A matrix whose rows are constant has these numbers as mean distances out.
        rejected = [
            judge_model(np.tile(row[:, None], (1, count + 1)))[0].rejected for row in numbers[:400]
        ]
        bound = {4: 2.353363, 8: 1.894579, 16: 1.753050}[count]  # Student's, 0.05
        all_ = (numbers[:, -1] - mean) / spread / np.sqrt(1 + 1 / count) > bound
        assert np.mean(rejected) == pytest.approx(all_[:400].mean(), abs=1e-9)
        assert power == pytest.approx(all_.mean(), abs=0.03)
    assert find_power(0, [5, 50]) == pytest.approx([0.05, 0.05], abs=1e-6)
    assert (np.diff(find_power(1.0, range(2, 30))) > 0).all()
    assert find_power(np.inf, [3]).tolist() == [1]
    assert find_power(60, [3, 20]) == pytest.approx([1, 1], abs=1e-3)


def test_animals_that_are_all_alike() -> None:
    alike = np.full((5, 5), 0.5)
    assert [one.p for one in judge_model(alike)] == [1, 1, 1]
    further = alike.copy()
    further[-1] = 0.6
    outward, inward, both = judge_model(further)
    assert (outward.p, outward.effect) == (0, np.inf)
    assert both.rejected
    assert inward.p > 0.05


def test_distances_that_are_no_test() -> None:
    with pytest.raises(DataError, match=r"distances: have the shape \[3, 3\]; give .* 3 animals"):
        judge_model(np.ones((3, 3)))
    undefined = np.ones((4, 4))
    undefined[1, 2] = np.nan
    with pytest.raises(DataError, match="distances: have none from subject 1 to subject 2"):
        judge_model(undefined)
    with pytest.raises(DataError, match="animals: are 1; give two or more"):
        find_power(1.0, [3, 1])
