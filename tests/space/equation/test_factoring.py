"""Factored sums multiply out to what they were made of."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space.equation.factoring import (
    Expression,
    Named,
    Power,
    Scaled,
    Total,
    divide,
    factor,
    list_atoms,
)
from space.identity.algebra import Arena, Polynomial, key, plus

NUMBERS = st.sampled_from([Decimal(n) for n in ("1", "-1", "0.75", "-0.3", "2", "0.123456789012")])
PRODUCTS = st.lists(st.integers(0, 4), max_size=3).map(lambda atoms: tuple(sorted(atoms)))
POLYNOMIALS = st.dictionaries(PRODUCTS, NUMBERS, min_size=1, max_size=5)


def rank(atom: int) -> tuple[int, int]:
    """Atoms 3 and 4 are gates."""
    return 3 * (atom > 2), atom


def multiply_out(expression: Scaled | Expression, parts: dict[str, Polynomial]) -> Polynomial:
    arena = Arena()
    match expression:
        case Power(atom, times):
            return {(atom,) * times: Decimal(1)}
        case Named(name):
            return parts[name]
        case Scaled(number, factors):
            constant: Polynomial = {(): number} if number else {}
            return arena.times(constant, *(multiply_out(one, parts) for one in factors))
        case Total(added):
            return plus(*(multiply_out(one, parts) for one in added))


def assert_same(one: Polynomial, other: Polynomial) -> None:
    assert one.keys() == other.keys()
    assert all(float(one[p]) == pytest.approx(float(other[p]), rel=1e-20) for p in one)


@settings(max_examples=150, deadline=None)
@given(value=POLYNOMIALS, part=POLYNOMIALS)
def test_sums_multiply_out_to_what_they_were(
    value: dict[tuple[int, ...], Decimal], part: dict[tuple[int, ...], Decimal]
) -> None:
    named = {"part": part} if len(part) > 1 else {}
    keys = {key(polynomial): (name, polynomial) for name, polynomial in named.items()}
    whole = plus(value, part)
    assert_same(multiply_out(factor(whole, rank, keys), dict(named)), whole)


@settings(max_examples=150, deadline=None)
@given(one=POLYNOMIALS, other=POLYNOMIALS)
def test_products_are_divided_exactly(
    one: dict[tuple[int, ...], Decimal], other: dict[tuple[int, ...], Decimal]
) -> None:
    product = dict(Arena().times(one, other))
    quotient = divide({p: Decimal(n) for p, n in product.items()}, other)
    if quotient is not None:
        assert_same(Arena().times(quotient, other), product)
    assert_same(multiply_out(factor(product, rank, {}), {}), product)


def test_a_gate_multiplies_a_sum() -> None:
    """in + res - 0.75 (in + res) T is written as a product of two sums."""
    value: Polynomial = {(0,): 1, (1,): 1, (0, 3): Decimal("-0.75"), (1, 3): Decimal("-0.75")}
    written = factor(value, rank, {})
    assert isinstance(written, Scaled)
    assert sorted(list_atoms(written)) == [0, 1, 3]
    assert [len(one.parts) for one in written.factors if isinstance(one, Total)] == [2, 2]


def test_a_gate_and_its_complement_share_a_sum() -> None:
    """u h + (1 - u) n."""
    written = factor({(0, 3): 1, (1,): 1, (1, 3): -1}, rank, {})
    assert isinstance(written, Total)
    assert sorted(list_atoms(written)) == [0, 1, 3, 3]


def test_nothing_is_zero() -> None:
    assert factor({}, rank, {}) == Scaled(Decimal(0))
