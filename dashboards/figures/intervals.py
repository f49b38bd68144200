"""Intervals of means and of differences of means, at 95 %; those of shares: workers/shares.py."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special  # type: ignore[import-untyped]

from workers.shares import LEVEL, Interval

Scores = npt.NDArray[np.float64]


def bound_mean(values: Scores) -> Interval:
    """The mean with Student's interval; bounds are nan of one value."""
    n = len(values)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(values.mean())
    if n == 1:
        return Interval(mean, math.nan, math.nan)
    half = float(special.stdtrit(n - 1, 0.5 + LEVEL / 2) * values.std(ddof=1) / math.sqrt(n))
    return Interval(mean, mean - half, mean + half)


def bound_difference(with_: Scores, without: Scores) -> Interval:
    """The difference of the means with Welch's interval (Biometrika 34, 1947).

    Bounds are nan where one side has fewer than two values.
    """
    if len(with_) == 0 or len(without) == 0:
        return Interval(math.nan, math.nan, math.nan)
    difference = float(with_.mean() - without.mean())
    if len(with_) < 2 or len(without) < 2:
        return Interval(difference, math.nan, math.nan)
    parts = [float(one.var(ddof=1)) / len(one) for one in (with_, without)]
    spread = sum(parts)
    if spread == 0:
        return Interval(difference, difference, difference)
    freedom = spread**2 / (parts[0] ** 2 / (len(with_) - 1) + parts[1] ** 2 / (len(without) - 1))
    half = float(special.stdtrit(freedom, 0.5 + LEVEL / 2)) * math.sqrt(spread)
    return Interval(difference, difference - half, difference + half)
