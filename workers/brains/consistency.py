"""How well a recording predicts itself: the ceiling of what a model can be asked to predict.

Shapes: responses are [stimuli, repetitions, neurons, bins], with NaN where a stimulus was not
shown as often. Three ways of setting a score against a ceiling are in use, and they differ:

- `ceil_score`: median(r)^2 / ceiling, Brain-Score's `explained_variance`;
- `ceil_neurons`: the mean over neurons of r_i^2 / c_i, each by its own ceiling;
- `correct_for_noise`: r / sqrt(c_model c_neuron), a correlation (workers/brains/noise.py).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.brains.correlation import Floats, correlate_columns
from workers.brains.splits import SPLITS, halve_repetitions
from workers.brains.summary import Summary, summarise


@dataclass(frozen=True)
class Consistency:
    """Split-half correlations after Spearman-Brown: [splits, neurons, bins], NaN if undefined."""

    by_split: Floats

    @property
    def summary(self) -> Summary:
        """By bin: the median over neurons, averaged over splits (Brain-Score's ceiling)."""
        return summarise(self.by_split)

    @property
    def by_neuron(self) -> Floats:
        """[neurons, bins]: the mean over the splits in which a neuron has one."""
        return average_defined(self.by_split)


def apply_spearman_brown(r: Floats, factor: float = 2) -> Floats:
    """The reliability of a measurement `factor` times as long: n r / (1 + (n - 1) r).

    Source: Spearman 1910, Brown 1910. r = -1 has none (NaN) at a factor of 2.
    """
    below = 1 + (factor - 1) * r
    return divide(factor * r, below)


def measure_consistency(responses: NDArray[Any], *, splits: int = SPLITS) -> Consistency:
    """Split the repetitions in halves, correlate the halves' averages over stimuli, correct.

    responses: [stimuli, repetitions, neurons, bins]. A neuron's correlation is over the stimuli
    that it has in both halves. Source: `brainscore_vision/metrics/internal_consistency`. Raises
    DataError for fewer than two repetitions.
    """
    halves = halve_repetitions(responses.shape[1], splits=splits)
    correlations = [
        correlate_present(average_present(responses, one), average_present(responses, other))
        for one, other in halves
    ]
    return Consistency(apply_spearman_brown(np.stack(correlations)))


def average_present(responses: NDArray[Any], repetitions: NDArray[np.int64]) -> Floats:
    """The mean of those of these repetitions that are there: [stimuli, neurons, bins]."""
    chosen = responses[:, repetitions]
    there = ~np.isnan(chosen)
    total: Floats = np.where(there, chosen, 0).sum(axis=1, dtype=np.float64)
    return divide(total, there.sum(axis=1))


def correlate_present(first: Floats, second: Floats) -> Floats:
    """Pearson's r over the stimuli (axis 0) that are in both, by neuron and bin."""
    there = np.isfinite(first) & np.isfinite(second)
    complete = there.all(axis=0)
    r = np.full(complete.shape, np.nan)
    r[complete] = correlate_columns(first[:, complete], second[:, complete])
    for place in zip(*np.nonzero(~complete & there.any(axis=0)), strict=True):
        rows = there[:, *place]
        r[place] = correlate_columns(first[rows, *place], second[rows, *place])
    return r


def ceil_score(score: Floats, ceiling: Floats) -> Floats:
    """score^2 / ceiling, with the score's sign: Brain-Score's `explained_variance`.

    The ceiling is a reliability, a share of variance already, so that it is not squared. NaN where
    the ceiling is not positive.
    """
    squared = np.sign(score) * np.square(score)
    return divide(squared, ceiling)


def ceil_neurons(scores: Floats, ceilings: Floats) -> Floats:
    """By bin, the mean over neurons of r_i^2 / c_i, each by its own ceiling: [neurons, bins] ->
    [bins]. Neurons without a positive ceiling or a score are left out.
    """
    return average_defined(ceil_score(scores, ceilings))


def average_defined(values: Floats) -> Floats:
    """The mean over axis 0 of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    return divide(np.where(there, values, 0).sum(axis=0), there.sum(axis=0))


def divide(number: Floats, by: NDArray[Any]) -> Floats:
    """number / by, elementwise; NaN where `by` is not positive."""
    quotient: Floats = np.full(np.shape(number), np.nan)
    np.divide(number, by, where=by > 0, out=quotient)
    return quotient
