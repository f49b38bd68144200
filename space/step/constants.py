"""Numbers that are known before any image is seen, as exact decimals.

They are worked out as they were written: 1 - 0.3 is 0.7, and 5 * 0.2 is 1.
"""

from decimal import Context, Decimal
from functools import lru_cache

from space.step.activations import ACTIVATIONS

EXACT = Context(prec=40)
"""The arithmetic of known numbers."""


@lru_cache(maxsize=4096)
def exact(number: float) -> Decimal:
    """A number as it is written in decimals."""
    return Decimal(repr(float(number)))


def activate_constant(name: str, number: Decimal) -> Decimal:
    """The activation of that name, of a known number."""
    return number if name == "identity" else exact(ACTIVATIONS[name].value(float(number)))
