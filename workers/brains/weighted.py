"""Correlations of items that count as often as weights say: all draws of a bootstrap at once.

A draw with replacement is the number of times [items] that it has each item; an item taken twice
is two equal rows.
"""

import numpy as np

from workers.brains.averages import divide
from workers.brains.correlation import Floats


def correlate_ranks(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Spearman's correlation [draws] of two arrays [items], by `weights` [draws, items].

    NaN for a draw in which all items are equal in one of them.
    """
    total = weights.sum(axis=1)
    centre = (total[:, None] + 1) / 2  # the mean of the ranks, with ties or without
    one, other = (rank_weighted(values, weights) - centre for values in (first, second))
    products = (weights * one * other).sum(axis=1)
    squares = (weights * one * one).sum(axis=1) * (weights * other * other).sum(axis=1)
    return divide(products, np.sqrt(squares))


def rank_weighted(values: Floats, weights: Floats) -> Floats:
    """Ranks from 1 [draws, items], equal values sharing their mean rank."""
    if not len(values):
        return np.zeros(weights.shape)
    order = np.argsort(values, kind="stable")
    begins = np.flatnonzero(np.diff(values[order], prepend=np.nan) != 0)
    sizes = np.add.reduceat(weights[:, order], begins, axis=1)
    shared = np.cumsum(sizes, axis=1) - (sizes - 1) / 2
    groups = np.empty(len(values), dtype=np.int64)
    groups[order] = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(values)))
    ranks: Floats = shared[:, groups]
    return ranks
