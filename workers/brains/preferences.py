"""Which layer of a network each neuron prefers, and how many neurons of an area prefer which.

The preferred layer of a neuron is the one that predicts it best. What made it best on some splits
was chance in part: so it is chosen on the first half of the splits, and what it scores is of the
others. (Test stimuli of random splits overlap: the two halves of ten splits with a tenth each
share four tenths of theirs.)
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.averages import average_defined
from workers.brains.correlation import Floats
from workers.shares import bound_share

TIE = 1e-9
"""Layers whose correlations differ by less are alike, and the first of them is preferred."""


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """The preferred layer of each neuron of an area.

    layers: the network's, in its order. chosen [neurons]: the place in `layers` of the one that a
    neuron prefers, -1 for a neuron that prefers none. scores [neurons]: the mean correlation of
    that layer over the splits on which it was not chosen, NaN for -1. bins: those that count.
    """

    layers: tuple[str, ...]
    chosen: NDArray[np.int64]
    scores: Floats
    bins: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LayerShare:
    """How many neurons prefer a layer, and their share of those that prefer any.

    low, high: the share's 95 % interval (Wilson's), of other neurons of the area; NaN of none.
    score: the median over those neurons of `Preferences.scores`.
    """

    layer: str
    neurons: int
    share: float
    low: float
    high: float
    score: float


def halve_splits(count: int) -> tuple[slice, slice]:
    """The splits to choose on, and those to score on. Raises DataError for one split."""
    if count < 2:
        cure = "a layer is chosen on other splits than those it is scored on"
        raise DataError("splits", f"{count} is too few, give 2 or more", cure)
    return slice(0, count // 2), slice(count // 2, count)


def find_common_bins(correlations: Mapping[str, Floats]) -> tuple[int, ...]:
    """The bins in which every layer that has any score has one: those in which layers compare.

    correlations: by layer [splits, neurons, bins]. A layer without any score does not count: its
    steps cover no bin. None at all where layers share no bin.
    """
    scored = [~np.isnan(values).all(axis=(0, 1)) for values in correlations.values()]
    there = [bins for bins in scored if bins.any()]
    return tuple(map(int, np.flatnonzero(np.all(there, axis=0)))) if there else ()


def find_preferences(correlations: Mapping[str, Floats]) -> Preferences:
    """The preferred layers of an area's neurons.

    correlations: by layer, in the network's order, [splits, neurons, bins], of the same splits and
    neurons; NaN for what has no score. Layers are compared by their mean over the splits to choose
    on and over `find_common_bins`; a neuron's own mean leaves out what is NaN for any layer that
    has a score for it. Of layers alike (`TIE`) the first is preferred. A neuron prefers none if
    no layer has a score for it, or if the best one's mean is not positive: nothing predicts it.
    Raises DataError for one split, or no layer.
    """
    if not correlations:
        raise DataError("layers", "there is none", "give one or more")
    values = np.stack(list(correlations.values()))  # layers, splits, neurons, bins
    choosing, scoring = halve_splits(values.shape[1])
    bins = find_common_bins(correlations)
    means = _average(values[:, choosing][..., list(bins)])
    best = np.max(np.nan_to_num(means, nan=-np.inf), axis=0, initial=-np.inf)
    alike = means >= best - TIE  # NaN is not
    chosen = np.where(best > 0, alike.argmax(axis=0), -1).astype(np.int64)
    others = _average(values[:, scoring][..., list(bins)])
    scores = np.where(chosen < 0, np.nan, others[chosen, np.arange(len(chosen))])
    return Preferences(layers=tuple(correlations), chosen=chosen, scores=scores, bins=bins)


def count_preferences(preferences: Preferences) -> list[LayerShare]:
    """A row a layer, in the network's order: how many neurons prefer it.

    Neurons that prefer none are in no share.
    """
    total = int((preferences.chosen >= 0).sum())
    rows = []
    for place, layer in enumerate(preferences.layers):
        chosen = preferences.chosen == place
        of_layer = preferences.scores[chosen]
        of_layer = of_layer[~np.isnan(of_layer)]
        share = bound_share(int(chosen.sum()), total)
        rows.append(
            LayerShare(
                layer=layer,
                neurons=int(chosen.sum()),
                share=share.value,
                low=share.low,
                high=share.high,
                score=float(np.median(of_layer)) if len(of_layer) else float("nan"),
            )
        )
    return rows


def choose_layer(correlations: Mapping[str, Floats]) -> str | None:
    """The layer that an area as a whole prefers: that of the largest median over neurons.

    By the median over neurons of their means over the splits to choose on and the common bins; the
    first of those alike. None where no layer has a score.
    """
    values = np.stack(list(correlations.values()))
    choosing, _ = halve_splits(values.shape[1])
    means = _average(values[:, choosing][..., list(find_common_bins(correlations))])
    best, chosen = -np.inf, None
    for layer, of_layer in zip(correlations, means, strict=True):
        known = of_layer[~np.isnan(of_layer)]
        if len(known) and np.median(known) > best + TIE:
            best, chosen = float(np.median(known)), layer
    return chosen


def _average(values: Floats) -> Floats:
    """[layers, splits, neurons, bins] -> [layers, neurons], over what every layer that has a score
    for a neuron has.
    """
    there = ~np.isnan(values)
    absent = ~np.asarray(there.any(axis=(1, 3), keepdims=True))
    shared = np.asarray((there | absent).all(axis=0))
    masked = np.where(shared[None], values, np.nan)
    layers, splits, neurons, bins = masked.shape
    flat = masked.transpose(0, 2, 1, 3).reshape(layers, neurons, splits * bins)
    return average_defined(flat, axis=2)
