"""Seeds: one for each purpose, the same on every machine."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workers.seeds import mix_seed, seed_all

PURPOSES = st.lists(st.one_of(st.integers(0, 99), st.sampled_from(["order", "crop"])), max_size=3)


@pytest.mark.parametrize(
    ("parts", "seed"),
    [
        ((1, "order", 3), 5263713049995906136),
        ((2, "crop", 0, 5), 5523058347010979069),
        ((0,), 3456079177858693020),
    ],
)
def test_a_seed_is_what_it_was(parts: tuple[int, ...], seed: int) -> None:
    """Trainings of earlier versions are repeated by these numbers."""
    assert mix_seed(*parts) == seed


@given(st.integers(0, 2**63 - 1), PURPOSES, PURPOSES)
def test_every_purpose_has_its_own_seed_of_63_bits(
    seed: int, one: list[object], other: list[object]
) -> None:
    assert 0 <= mix_seed(seed, *one) < 2**63
    assert (mix_seed(seed, *one) == mix_seed(seed, *other)) == (one == other)
    assert mix_seed(seed, *one) != mix_seed(seed + 1, *one)


def test_all_three_generators_begin_anew() -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    large = 2**62 + 5  # more than numpy takes
    seed_all(large)
    first = draw()
    assert all(a != b for a, b in zip(first, draw(), strict=True))
    seed_all(large)
    assert draw() == first
    seed_all(large + 1)
    assert all(a != b for a, b in zip(first, draw(), strict=True))
