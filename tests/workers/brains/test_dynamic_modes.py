"""Linear systems have dynamics in closed form: their operators and eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space.errors import DataError
from workers.brains.correlation import Floats
from workers.brains.dynamic_modes import (
    align_operators,
    embed_trajectories,
    match_eigenvalues,
)

# The operator of `draw_two()`'s first system with two delays, by dsa-metric 2.0.2: signs of
# coordinates are arbitrary. The angle is the least of its eight runs of 200 steps, and the last
# the root of its Wasserstein distance of eigenvalues.
OPERATOR = [
    [0.638118, 0.253837, 0.12905, 0.086935],
    [0.123432, 0.858219, 0.198585, 0.018384],
    [0.131346, 0.280118, 0.88922, 0.175454],
    [0.182577, 0.002996, 0.174637, 0.716222],
]
ANGLE, EIGENVALUES = 0.2505, 0.041853055357933044


def run(operator: Floats, bins: int, units: int, seed: int, stimuli: int = 30) -> Floats:
    """Trajectories [stimuli, bins, units] of x' = operator x, seen through a random linear map."""
    random = np.random.RandomState(seed)
    states = [random.randn(stimuli, len(operator))]
    for _ in range(bins - 1):
        states.append(states[-1] @ operator.T)
    return np.stack(states, axis=1) @ random.randn(len(operator), units)


def turn(angle: float, size: float) -> Floats:
    """A spiral: eigenvalues size exp(+-i angle)."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return size * np.array([[cosine, -sine], [sine, cosine]])


def combine(*blocks: Floats) -> Floats:
    size = sum(len(block) for block in blocks)
    whole = np.zeros((size, size))
    place = 0
    for block in blocks:
        whole[place : place + len(block), place : place + len(block)] = block
        place += len(block)
    return whole


SYSTEM = combine(turn(0.6, 0.95), turn(0.2, 0.8), np.array([[0.5]]))
OTHER = combine(turn(1.1, 0.95), turn(0.2, 0.6), np.array([[0.9]]))


def draw_two() -> tuple[Floats, Floats]:
    first = np.array([[0.9, -0.3, 0, 0], [0.3, 0.9, 0, 0], [0, 0, 0.7, 0.2], [0, 0, -0.2, 0.6]])
    second = np.array([[0.8, -0.5, 0, 0], [0.5, 0.8, 0.2, 0], [0, 0, 0.5, 0.1], [0, 0, -0.1, 0.5]])
    random = np.random.RandomState(2)
    runs: list[Floats] = []
    for operator, units in ((first, 6), (second, 5)):
        states = [random.randn(20, 4)]
        for _ in range(7):
            states.append(states[-1] @ operator.T)
        seen = np.stack(states, axis=1) @ random.randn(4, units)
        runs.append(seen + 0.05 * random.randn(20, 8, units))
    return runs[0], runs[1]


@pytest.mark.parametrize(("delays", "units"), [(1, 5), (1, 90), (2, 5), (3, 4)])
def test_the_operator_has_the_eigenvalues_of_the_system(delays: int, units: int) -> None:
    trajectories = embed_trajectories(run(SYSTEM, 12, units, 0), delays=delays)
    assert trajectories.rank == 5
    assert match_eigenvalues(trajectories.fit(), SYSTEM) == pytest.approx(0, abs=1e-6)


def test_two_views_of_one_system_are_one_dynamics() -> None:
    first, second = (embed_trajectories(run(SYSTEM, 12, 20, seed)).fit() for seed in (0, 1))
    # Other stimuli and another map: the coordinates of unit variance are others, the rest is one.
    assert align_operators(first, second).eigenvalues == pytest.approx(0, abs=1e-8)
    responses = run(SYSTEM, 12, 20, 0)
    rotation = np.linalg.qr(np.random.RandomState(3).randn(20, 20))[0]
    for seen in (responses @ rotation, 3 * responses[:, :, ::-1], responses @ (rotation + 2)):
        alignment = align_operators(first, embed_trajectories(seen).fit())
        assert alignment.distance == pytest.approx(0, abs=1e-6)
        assert alignment.angle == pytest.approx(0, abs=1e-6)
    other = align_operators(first, embed_trajectories(run(OTHER, 12, 20, 0)).fit())
    assert other.distance > 0.1
    assert other.angle > 0.1
    assert other.eigenvalues > 0.1


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6))
def test_a_rotated_or_reflected_operator_is_the_same(seed: int, rank: int) -> None:
    random = np.random.RandomState(seed)
    operator = random.randn(rank, rank)
    rotation = np.linalg.qr(random.randn(rank, rank))[0]
    alignment = align_operators(operator, rotation.T @ operator @ rotation)
    assert alignment.distance == pytest.approx(0, abs=1e-5)
    found = alignment.rotation
    assert found @ found.T == pytest.approx(np.eye(rank), abs=1e-9)


def test_the_closed_form_of_operators_that_commute_with_their_transpose() -> None:
    # Two spirals each: |a exp(i b) - c exp(i d)|, matched at best, is the distance.
    random = np.random.RandomState(0)
    bases = [np.linalg.qr(random.randn(4, 4))[0] for _ in range(2)]
    first = bases[0] @ combine(turn(0.3, 0.9), turn(1.2, 0.7)) @ bases[0].T
    second = bases[1] @ combine(turn(1.0, 0.8), turn(0.3, 0.5)) @ bases[1].T
    squares = [
        abs(0.9 * np.exp(0.3j) - 0.5 * np.exp(0.3j)) ** 2,
        abs(0.7 * np.exp(1.2j) - 0.8 * np.exp(1.0j)) ** 2,
    ]
    alignment = align_operators(first, second)
    assert alignment.distance == pytest.approx(np.sqrt(np.mean(squares)), abs=1e-7)
    assert alignment.eigenvalues == pytest.approx(alignment.distance, abs=1e-7)
    # Symmetric ones: their eigenvalues in order.
    numbers = np.array([[0.9, 0.5, -0.2, 0.1], [0.3, -0.6, 0.8, 0.7]])
    operators = [
        base @ np.diag(values) @ base.T for base, values in zip(bases, numbers, strict=True)
    ]
    ordered = np.sort(numbers, axis=1)
    expected = np.sqrt(np.square(ordered[0] - ordered[1]).mean())
    alignment = align_operators(*operators)
    assert alignment.distance == pytest.approx(expected, abs=1e-7)
    cosine = (ordered[0] * ordered[1]).sum() / np.prod(np.linalg.norm(ordered, axis=1))
    assert alignment.angle == pytest.approx(np.arccos(cosine), abs=1e-7)


def test_operators_and_distances_are_those_of_dsa_metric() -> None:
    one, other = (embed_trajectories(part, delays=2, rank=4).fit() for part in draw_two())
    assert np.abs(one) == pytest.approx(np.array(OPERATOR), abs=2e-6)
    alignment = align_operators(one, other)
    assert alignment.angle <= ANGLE
    assert alignment.angle == pytest.approx(ANGLE, abs=1e-4)
    one, other = (embed_trajectories(part, rank=4).fit() for part in draw_two())
    assert match_eigenvalues(one, other) ** 2 == pytest.approx(EIGENVALUES, abs=1e-6)


def test_the_best_alignment_is_no_worse_than_any_start() -> None:
    random = np.random.RandomState(8)
    first, second = random.randn(2, 6, 6)
    best = align_operators(first, second).distance
    for seed in range(5):
        rotation = np.linalg.qr(np.random.RandomState(seed).randn(6, 6))[0]
        assert best <= align_operators(first, second, rotation[None]).distance + 1e-9
        moved = first - rotation @ second @ rotation.T
        assert best <= np.linalg.norm(moved) / np.sqrt(6)


def test_small_operators() -> None:
    alignment = align_operators(np.array([[0.9]]), np.array([[-0.4]]))
    assert alignment.distance == pytest.approx(1.3)
    assert alignment.angle == pytest.approx(np.pi)
    still = align_operators(np.zeros((2, 2)), np.eye(2))
    assert still.distance == pytest.approx(1)
    assert still.angle == pytest.approx(np.pi / 2)


def test_a_stimulus_counted_twice_is_two() -> None:
    responses = run(SYSTEM, 6, 5, 0, stimuli=6)
    responses += 0.1 * np.random.RandomState(0).randn(*responses.shape)
    trajectories = embed_trajectories(responses)
    assert trajectories.fit(np.ones(6)) == pytest.approx(trajectories.fit())
    counts = np.array([2, 0, 1, 3, 1, 2])
    again = embed_trajectories(responses[np.repeat(np.arange(6), counts)])
    alignment = align_operators(trajectories.fit(counts.astype(float)), again.fit())
    assert alignment.distance == pytest.approx(0, abs=1e-6)


def test_responses_without_dynamics() -> None:
    responses = run(SYSTEM, 6, 5, 0)
    with pytest.raises(DataError, match=r"shape \[30, 6, 5\]; give .* of 7 bins or more"):
        embed_trajectories(responses, delays=6)
    with pytest.raises(DataError, match="rank: is 6, and the responses have 5 coordinates"):
        embed_trajectories(responses, rank=6)
    with pytest.raises(DataError, match="responses: are all 0; leave out the layer"):
        embed_trajectories(0 * responses)
    with pytest.raises(DataError, match=r"operators: have the shapes \[2, 2\] and \[3, 3\]"):
        align_operators(np.eye(2), np.eye(3))
    responses[0, 0, 0] = np.nan
    with pytest.raises(DataError, match="responses: have 1 numbers that are not finite"):
        embed_trajectories(responses)
