"""Pearson's correlation of many columns at once, and what it is where a column does not vary."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SPREAD = 1e-12
"""A column varies if its range exceeds this share of its largest magnitude: an average of equal
numbers may differ from them by a rounding.
"""


def find_varying(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which columns of [rows, ...] vary; one with a number that is not finite does not."""
    if not len(values):
        return np.zeros(values.shape[1:], dtype=bool)
    low, high = values.min(axis=0), values.max(axis=0)
    finite = np.isfinite(low) & np.isfinite(high)
    size = np.maximum(np.abs(low), np.abs(high), where=finite, out=np.zeros(low.shape))
    spread = np.subtract(high, low, where=finite, out=np.zeros(low.shape))
    varying: NDArray[np.bool_] = finite & (spread > SPREAD * size)
    return varying


def correlate_columns(first: NDArray[Any], second: NDArray[Any]) -> Floats:
    """Pearson's r over the rows of two arrays [rows, ...], by column.

    NaN for a column that does not vary in one of them, or has a number that is not finite.
    """
    defined = find_varying(first) & find_varying(second)
    r = np.full(defined.shape, np.nan)
    a, b = (_centre(values[:, defined]) for values in (first, second))
    r[defined] = np.clip((a * b).sum(axis=0), -1, 1)
    return r


def correlate_predictions(predicted: NDArray[Any], measured: NDArray[Any]) -> Floats:
    """Pearson's r of predictions and measurements [rows, ...], by column.

    NaN where the measurement does not vary: nothing can be said of it. 0 where the measurement
    varies and the prediction does not: it explains nothing. (A feedforward network whose image is
    off predicts a constant.)
    """
    r = correlate_columns(predicted, measured)
    finite = np.isfinite(predicted).all(axis=0)
    r[find_varying(measured) & finite & ~find_varying(predicted)] = 0
    return r


def _centre(values: NDArray[Any]) -> Floats:
    """Columns of mean 0 and length 1."""
    centred: Floats = values - values.mean(axis=0, dtype=np.float64)
    length: Floats = np.sqrt(np.square(centred).sum(axis=0))
    return centred / length
