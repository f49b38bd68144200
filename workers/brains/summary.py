"""Correlations of many neurons in several splits as one number a bin, with its error."""

from dataclasses import dataclass

import numpy as np

from workers.brains.averages import average_defined, divide
from workers.brains.correlation import Floats


@dataclass(frozen=True)
class Summary:
    """By bin, [bins]: the score, its error over splits, and how many neurons are in it.

    `by_split` [splits, bins] is the median over neurons in each split. NaN for a bin in which no
    neuron has a score.
    """

    center: Floats
    error: Floats
    by_split: Floats
    neurons: tuple[int, ...]


@dataclass(frozen=True)
class Correlations:
    """Correlations of neurons: [splits, neurons, bins], NaN where there is none."""

    by_split: Floats

    @property
    def summary(self) -> Summary:
        """By bin: the median over neurons, averaged over splits."""
        return summarise(self.by_split)

    @property
    def by_neuron(self) -> Floats:
        """[neurons, bins]: the mean over the splits in which a neuron has one."""
        return average_defined(self.by_split)


def summarise(correlations: Floats) -> Summary:
    """[splits, neurons, bins] -> the median over neurons, then mean and error over splits.

    A neuron without a correlation in a split (NaN) is left out of its median; a split without any
    is left out of the mean. The neurons that count are those of any split.
    """
    splits, _, bins = correlations.shape
    by_split = np.full((splits, bins), np.nan)
    for split in range(splits):
        for bin_ in range(bins):
            column = correlations[split, :, bin_]
            if (there := ~np.isnan(column)).any():
                by_split[split, bin_] = np.median(column[there])
    center, error = average_splits(by_split)
    counted = (~np.isnan(correlations)).any(axis=0).sum(axis=0)
    return Summary(center=center, error=error, by_split=by_split, neurons=tuple(map(int, counted)))


def average_splits(by_split: Floats) -> tuple[Floats, Floats]:
    """[splits, ...] -> the mean over the splits that have a value, and its error; NaN without any.

    The error is the standard deviation (of n, not n - 1) over the root of the number of splits, as
    Brain-Score has it.
    """
    center = average_defined(by_split)
    variance = average_defined(np.square(by_split - center))
    return center, np.sqrt(divide(variance, (~np.isnan(by_split)).sum(axis=0)))
