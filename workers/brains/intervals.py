"""Intervals by resampling: what a number would be, had other stimuli been shown.

Stimuli are drawn with replacement, as often as there are some; the interval holds the middle 95 %
of what comes out. Source: Efron 1979 (the percentile bootstrap).
"""

import numpy as np

from workers.brains.correlation import Floats
from workers.shares import LEVEL

DRAWS = 1000
SEED = 1


def count_drawn(count: int, draws: int = DRAWS, seed: int = SEED) -> Floats:
    """How often each stimulus is in each of `draws` samples of `count`: [draws, count]."""
    random = np.random.default_rng(seed)
    drawn = random.integers(count, size=(draws, count))
    counts: Floats = np.stack([np.bincount(rows, minlength=count) for rows in drawn]).astype(float)
    return counts


def find_interval(values: Floats) -> tuple[Floats, Floats]:
    """The ends of the middle 95 % of draws [draws, ...], by column.

    Draws without a value (NaN) are left out; a column in which a tenth of them or more have none
    has no interval (NaN): what is left of it would be no sample of all.
    """
    columns = values.reshape(len(values), -1)
    ends: Floats = np.full((2, columns.shape[1]), np.nan)
    tails = [50 * (1 - LEVEL), 50 * (1 + LEVEL)]
    for place, column in enumerate(columns.T):
        known = column[np.isfinite(column)]
        if len(known) > 0.9 * len(column):
            ends[:, place] = np.percentile(known, tails)
    low, high = ends.reshape(2, *values.shape[1:])
    return low, high
