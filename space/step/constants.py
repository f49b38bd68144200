"""Numbers that are known before any image is seen, as exact decimals.

They are worked out as they were written: 1 - 0.3 is 0.7, and 5 * 0.2 is 1.
"""

import math
from collections.abc import Callable
from decimal import Context, Decimal
from functools import lru_cache

EXACT = Context(prec=40)
"""The arithmetic of known numbers."""


@lru_cache(maxsize=4096)
def exact(number: float) -> Decimal:
    """A number as it is written in decimals."""
    return Decimal(repr(float(number)))


def activate_constant(name: str, number: Decimal) -> Decimal:
    """The activation of that name, of a known number."""
    return number if name == "identity" else exact(_ACTIVATIONS[name](float(number)))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


_ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(x, 0.0),
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
}
