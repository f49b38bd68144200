"""Numbers that are known before any image is seen."""

import math
from decimal import Decimal

import pytest

from space.step.constants import EXACT, activate_constant, exact


def test_numbers_are_what_was_written() -> None:
    assert EXACT.subtract(exact(1.0), exact(0.8)) == exact(0.2)
    assert EXACT.multiply(exact(5.0), exact(0.2)) == 1
    assert exact(1e-12) == Decimal("1e-12")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("identity", -0.75),
        ("relu", 0.0),
        ("elu", math.expm1(-0.75)),
        ("tanh", math.tanh(-0.75)),
        ("sigmoid", 1 / (1 + math.exp(0.75))),
        ("softplus", math.log1p(math.exp(-0.75))),
    ],
)
def test_activations_of_a_known_number(name: str, expected: float) -> None:
    assert float(activate_constant(name, exact(-0.75))) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "elu", "tanh"])
def test_large_numbers_do_not_overflow(name: str) -> None:
    low, high = (float(activate_constant(name, exact(x))) for x in (-1e4, 1e4))
    assert -1 <= low <= 0 or low == pytest.approx(0)
    assert high in (1.0, 1e4)
