"""Domains: what is drawn lies in them, what lies in them is accepted, and nothing else."""

import math
import random
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.choices.domains import (
    Categorical,
    Domain,
    Integer,
    OutsideError,
    Parameter,
    Uniform,
)

DOMAINS: list[Domain] = [
    Categorical(options=("a", 1, True, None, 0.5)),
    Categorical(options=("a", "b", "c"), weights=(1.0, 5.0, 0.1)),
    Uniform(low=-3.0, high=5.0),
    Uniform(low=1e-4, high=1e-1, log=True),
    Uniform(low=1e-300, high=1e300, log=True),
    Integer(low=-4, high=40),
    Integer(low=1, high=400, log=True),
    Integer(low=1, high=2),
]


@given(st.sampled_from(DOMAINS), st.integers(0, 10**6))
def test_what_is_drawn_is_accepted_and_another_is_another(domain: Domain, seed: int) -> None:
    rng = random.Random(seed)
    for value in (drawn := domain.draw(rng), domain.middle):
        assert domain.accept(value) == value
        assert type(domain.accept(value)) is type(value)
    other = domain.other(drawn, rng)
    assert domain.accept(other) == other
    assert other != drawn or isinstance(other, bool) != isinstance(drawn, bool)


@pytest.mark.parametrize("domain", DOMAINS)
def test_one_seed_draws_one_value(domain: Domain) -> None:
    assert domain.draw(random.Random(5)) == domain.draw(random.Random(5))


@pytest.mark.parametrize(
    ("domain", "value", "problem", "cure"),
    [
        (Categorical(options=("relu", "elu")), "rel", '"rel" is not one of "relu", "elu"',
         'did you mean "relu"?'),
        (Categorical(options=(1, 3)), True, "true is not one of 1, 3", "write one of them"),
        (Categorical(options=(True, False)), 1, "1 is not one of true, false",
         "write one of them"),
        (Integer(low=1, high=3), 2.5, "2.5 is not a whole number from 1 to 3",
         "write a whole number in range"),
        (Integer(low=1, high=3), True, "true is not a whole number from 1 to 3",
         "write a whole number in range"),
        (Integer(low=1, high=3), 4, "4 is not a whole number from 1 to 3",
         "write a whole number in range"),
        (Uniform(low=0.0, high=1.0), 1.5, "1.5 is not a number from 0.0 to 1.0",
         "write a number in range"),
        (Uniform(low=0.0, high=1.0), math.nan, "NaN is not a number from 0.0 to 1.0",
         "write a number in range"),
        (Uniform(low=0.0, high=1.0), "1", '"1" is not a number from 0.0 to 1.0',
         "write a number in range"),
    ],
)  # fmt: skip
def test_what_lies_outside_is_told_with_its_cure(
    domain: Domain, value: object, problem: str, cure: str
) -> None:
    with pytest.raises(OutsideError) as caught:
        domain.accept(value)
    assert (caught.value.problem, caught.value.cure) == (problem, cure)


@pytest.mark.parametrize("value", [2, 2.0, np.int64(2), np.float32(2.0), Fraction(2)])
def test_numbers_of_every_kind_become_pythons_own(value: Any) -> None:
    assert type(Integer(low=1, high=3).accept(value)) is int
    assert type(Uniform(low=1.0, high=3.0).accept(value)) is float


def test_sizes_and_middles() -> None:
    assert [one.size for one in DOMAINS] == [5, 3, None, None, None, 45, 400, 2]
    geometric = [pytest.approx(math.sqrt(1e-5)), pytest.approx(1.0)]
    expected: list[Any] = ["a", "a", 1.0, *geometric, 18, 20, 1]
    assert [one.middle for one in DOMAINS] == expected


def test_weights_are_shares_of_what_is_drawn() -> None:
    domain, rng = Categorical(options=("a", "b"), weights=(1.0, 3.0)), random.Random(0)
    counts = Counter(domain.draw(rng) for _ in range(4000))
    assert counts["b"] / 4000 == pytest.approx(0.75, abs=0.03)
    three = Categorical(options=("a", "b", "c"), weights=(1.0, 3.0, 1.0))
    others = Counter(three.other("a", rng) for _ in range(4000))
    assert others["b"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert others["a"] == 0


def test_a_parameter_is_open_where_all_its_branches_are_taken() -> None:
    nested = Parameter(
        path="c", domain=DOMAINS[0], default="a", condition=(("a", "x"), ("b", True))
    )
    assert nested.is_open({"a": "x", "b": True})
    assert not nested.is_open({"a": "x", "b": False})
    assert not nested.is_open({"a": "y", "b": True})
    assert not nested.is_open({"a": "x"})
    assert Parameter(path="a", domain=DOMAINS[0], default="a").is_open({})


def test_ends_of_domains_are_drawn_and_numbers_take_their_type() -> None:
    whole = Integer(low=1, high=3)
    assert {whole.draw(random.Random(seed)) for seed in range(60)} == {1, 2, 3}
    assert {whole.other(2, random.Random(seed)) for seed in range(60)} == {1, 3}
    assert whole.accept(3.0) == 3
    assert type(whole.accept(3.0)) is int
    assert type(Uniform(low=0.0, high=2.0).accept(1)) is float
    tight = Uniform(low=1.0, high=math.nextafter(1.0, 2.0))
    assert tight.other(1.0, random.Random(0)) == tight.high


@given(
    domain=st.sampled_from(
        [
            Uniform(low=-3.0, high=5.0),
            Uniform(low=1e-4, high=1e-1, log=True),
            Integer(low=-4, high=40),
            Integer(low=1, high=400, log=True),
            Integer(low=1, high=2),
        ]
    ),
    seed=st.integers(0, 10**6),
)
def test_a_value_nearby_is_another_one_not_far_from_it(
    domain: Uniform | Integer, seed: int
) -> None:
    rng = random.Random(seed)
    value = domain.draw(rng)
    found = domain.near(value, rng)
    assert found != value
    assert domain.accept(found) == found
    place = math.log if domain.log else float
    # A whole number stands for all that is rounded to it; the next one may be further away.
    half = 0.5 if isinstance(domain, Integer) else 0.0
    up = 1 if found > value else -1
    end = domain.high + half if up > 0 else domain.low - half
    moved, most = abs(place(found - up * half) - place(value)), abs(place(end) - place(value))
    assert moved <= 0.3 * most * (1 + 1e-9) or abs(found - value) == 2 * half


def test_steps_of_numbers_are_small_whatever_their_scale() -> None:
    rate = Uniform(low=1e-4, high=1e-1, log=True)
    steps = [math.log10(rate.near(1e-2, random.Random(seed)) / 1e-2) for seed in range(2000)]
    # Uniform on either side, as far as 0.3 of the way to that end, of which one is twice as far.
    assert [min(steps), max(steps)] == pytest.approx([-0.6, 0.3], abs=0.01)
    assert sum(step > 0 for step in steps) / 2000 == pytest.approx(0.5, abs=0.04)
    assert Categorical(options=("a", "b")).near("a", random.Random(0)) == "b"
