"""Sums of products of atoms: the laws that a spelling may use, and no others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space.identity import algebra
from space.identity.algebra import (
    ONE,
    ZERO,
    Arena,
    Polynomial,
    constant,
    format_number,
    is_constant,
    key,
    plus,
)

NUMBERS = st.sampled_from([-1.0, 0.0, 0.1, 0.3, 0.7, 1.0, 2.5])


@st.composite
def polynomials(draw: st.DrawFn, arena: Arena, depth: int = 3) -> Polynomial:
    if depth == 0 or draw(st.booleans()):
        if draw(st.booleans()):
            return constant(draw(NUMBERS))
        return arena.atom(draw(st.sampled_from("xyz")))
    a, b = draw(polynomials(arena, depth - 1)), draw(polynomials(arena, depth - 1))
    return plus(a, b) if draw(st.booleans()) else arena.times(a, b)


@settings(max_examples=100)
@given(st.data())
def test_sums_and_products_obey_their_laws(data: st.DataObject) -> None:
    arena = Arena()
    a, b, c = (data.draw(polynomials(arena, 2)) for _ in range(3))
    assert key(plus(a, b)) == key(plus(b, a))
    assert key(arena.times(a, b)) == key(arena.times(b, a))
    assert key(plus(plus(a, b), c)) == key(plus(a, plus(b, c)))
    assert key(arena.times(arena.times(a, b), c)) == key(arena.times(a, arena.times(b, c)))
    both = plus(arena.times(a, b), arena.times(a, c))
    assert key(arena.times(a, plus(b, c))) == key(both)
    assert key(arena.times(a, ONE)) == key(plus(a, ZERO)) == key(a)
    assert arena.times(a, ZERO) == ZERO
    assert plus(a, arena.times(constant(-1.0), a)) == ZERO


def test_constants_are_decimals() -> None:
    assert key(plus(constant(0.1), constant(0.2))) == key(constant(0.3))
    assert key(plus(ONE, arena_times(-1.0, 0.3))) == key(constant(0.7))


def arena_times(a: float, b: float) -> Polynomial:
    return Arena().times(constant(a), constant(b))


def test_atoms_with_weights_are_told_apart_by_their_place() -> None:
    arena = Arena()
    x = arena.atom("x")
    assert arena.atom("tanh", [x]) == arena.atom("tanh", [x])
    assert arena.atom("convolution", [x], place="a") != arena.atom("convolution", [x], place="b")


@pytest.mark.parametrize("name", ["elu", "relu", "tanh", "sigmoid", "softplus"])
def test_activations_of_constants_are_constants(name: str) -> None:
    import torch

    functions = {"elu": torch.nn.functional.elu, "softplus": torch.nn.functional.softplus}
    function = functions.get(name) or getattr(torch, name)
    for value in (-40.0, -1.5, 0.0, 0.3, 60.0):
        found = Arena().activated(name, constant(value))
        assert is_constant(found)
        expected = float(function(torch.tensor(value, dtype=torch.float64)))
        assert float(found.get((), 0)) == pytest.approx(expected, abs=1e-12)


def test_rectifying_twice_is_rectifying_once() -> None:
    arena = Arena()
    x = arena.atom("x")
    once = arena.activated("relu", x)
    assert arena.activated("relu", once) == arena.activated("elu", once) == once
    assert arena.activated("relu", arena.activated("elu", x)) == once
    assert arena.activated("elu", arena.activated("elu", x)) != arena.activated("elu", x)
    assert arena.activated("relu", plus(once, x)) != plus(once, x)
    assert arena.activated("tanh", arena.activated("tanh", x)) != arena.activated("tanh", x)


def test_products_stay_small() -> None:
    arena = Arena()
    factor = plus(*(arena.atom(f"x{i}") for i in range(20)))
    product = arena.times(factor, factor, factor)
    assert len(product) <= algebra.MOST_TERMS
    assert product == arena.times(factor, factor, factor)


def test_numbers_are_shown_to_twelve_digits() -> None:
    assert format_number(constant(1 - 0.9)[()]) == format_number(constant(0.1)[()]) == "0.1"
    assert format_number(1) == "1"
    assert format_number(constant(0.1 + 1e-11)[()]) != "0.1"
