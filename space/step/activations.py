"""What is known of each activation, by its name in the grammar: one table for all readings.

`space/network/grammar.py` lists the names that a document may hold, `models/arithmetic.py` has
the functions of tensors.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Elementwise:
    """An activation f, a function of each number.

    `value` is f of one number. `own_gradient`: the gradient follows from f's result, and its
    operand need not be kept. `wide`: autocast works it out in float32.
    """

    value: Callable[[float], float]
    keeps_zero: bool = False  # f(0) = 0
    keeps_positive: bool = False  # f(x) = x for x > 0, and f(0) = 0
    never_negative: bool = False  # f(x) >= 0
    rectifies: bool = False  # relu(f(x)) = relu(x)
    own_gradient: bool = False
    wide: bool = False


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


ACTIVATIONS: dict[str, Elementwise] = {
    "identity": Elementwise(value=float, keeps_zero=True, keeps_positive=True, rectifies=True),
    "elu": Elementwise(
        value=lambda x: x if x > 0 else math.expm1(x),
        keeps_zero=True,
        keeps_positive=True,
        rectifies=True,
    ),
    "relu": Elementwise(
        value=lambda x: max(x, 0.0),
        keeps_zero=True,
        keeps_positive=True,
        never_negative=True,
        rectifies=True,
        own_gradient=True,
    ),
    "tanh": Elementwise(value=math.tanh, keeps_zero=True, own_gradient=True),
    "sigmoid": Elementwise(value=_sigmoid, never_negative=True, own_gradient=True),
    "softplus": Elementwise(
        value=lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
        never_negative=True,
        wide=True,
    ),
}
