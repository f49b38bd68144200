"""Averages and quotients of arrays in which NaN stands for what is not there."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.brains.correlation import Floats


def average_defined(values: NDArray[Any], axis: int = 0) -> Floats:
    """The mean over an axis of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    total: Floats = np.where(there, values, 0).sum(axis=axis, dtype=np.float64)
    return divide(total, there.sum(axis=axis))


def divide(number: NDArray[Any], by: NDArray[Any]) -> Floats:
    """number / by, elementwise; NaN where `by` is not positive."""
    quotient: Floats = np.full(np.shape(number), np.nan)
    np.divide(number, by, where=by > 0, out=quotient)
    return quotient
