from __future__ import annotations

import numpy as np
import pytest

from space.errors import DataError
from tests.workers.brains.test_dynamic_modes import OTHER, SYSTEM, run
from workers.brains.agreement import compare_dynamics
from workers.brains.correlation import Floats


def measure(operator: Floats, seed: int, noise: float = 0.1) -> Floats:
    """A system's trajectories from the same states, through a map and noise of `seed`."""
    seen = run(operator, 10, 12, 0, stimuli=60)
    random = np.random.RandomState(seed)
    rotation = np.linalg.qr(random.randn(12, 12))[0]
    measured: Floats = seen @ rotation + noise * random.randn(*seen.shape)
    return measured


def test_one_system_is_nearer_than_its_halves_and_another_further() -> None:
    first = measure(SYSTEM, 1)
    same = compare_dynamics(first, measure(SYSTEM, 2), rank=5, draws=20)
    other = compare_dynamics(first, measure(OTHER, 2), rank=5, draws=20)
    assert same.distance < same.within
    assert same.high < other.low
    assert other.distance > 3 * other.within
    for one in (same, other):
        assert one.low <= one.high
        assert one.rank == 5
        assert 0.9 < one.share < 1
    assert other.low < other.distance < other.high


def test_the_rank_is_that_of_the_one_that_needs_more() -> None:
    small = run(SYSTEM[:2, :2], 10, 12, 0)
    large = run(SYSTEM, 10, 12, 0)
    # The small system has two coordinates and no more.
    assert compare_dynamics(small, large, draws=2).rank == 2
    noisy = small + 1e-3 * np.random.RandomState(0).randn(*small.shape)
    agreement = compare_dynamics(noisy, large, draws=2)
    assert agreement.rank > 2
    assert agreement.share > 0.99
    itself = compare_dynamics(large, large, draws=2)
    assert itself.distance == pytest.approx(0, abs=1e-6)
    # Other states have other variances, and operators are in coordinates of unit variance.
    assert 0 < itself.within < 0.2
    assert np.isnan(compare_dynamics(large[:1], large[:1], rank=2, draws=2).within)


def test_other_bins_are_no_comparison() -> None:
    with pytest.raises(DataError, match=r"\[30, 5, 4\] and \[30, 6, 4\]; take the same stimuli"):
        compare_dynamics(run(SYSTEM, 5, 4, 0), run(SYSTEM, 6, 4, 0))


@pytest.mark.slow
def test_the_interval_holds_what_other_stimuli_would_give() -> None:
    maps = np.random.RandomState(7).randn(2, 5, 8)
    intervals: list[tuple[float, float, float]] = []
    for seed in range(40):
        random = np.random.RandomState(seed)
        states = random.randn(60, 5)
        seen: list[Floats] = []
        for operator, units in zip((SYSTEM, OTHER), maps, strict=True):
            steps = [states]
            for _ in range(9):
                steps.append(steps[-1] @ operator.T)
            measured = np.stack(steps, axis=1) @ units
            seen.append(measured + 0.1 * random.randn(*measured.shape))
        agreement = compare_dynamics(seen[0], seen[1], rank=5, draws=40)
        intervals.append((agreement.low, agreement.distance, agreement.high))
    low, distance, high = np.array(intervals).T
    held = (low < distance.mean()) & (distance.mean() < high)
    assert held.mean() >= 0.93
    # Not wider than need be: three times what it varies by.
    assert (high - low).mean() < 3 * 2 * 1.96 * distance.std()
