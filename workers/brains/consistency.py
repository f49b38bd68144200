"""How well a recording predicts itself: the ceiling of what a model can be asked to predict.

Shapes: responses are [stimuli, repetitions, neurons, bins], with NaN where a stimulus was not
shown as often. Three ways of setting a score against a ceiling are in use, and they differ:

- `ceil_score`: median(r)^2 / ceiling, Brain-Score's `explained_variance`;
- `ceil_neurons`: the mean over neurons of r_i^2 / c_i, each by its own ceiling;
- `correct_for_noise`: r / sqrt(c_model c_neuron), a correlation (workers/brains/noise.py).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.brains.averages import average_defined, divide
from workers.brains.correlation import Floats, correlate_columns
from workers.brains.splits import SPLITS, halve_repetitions
from workers.brains.summary import Correlations


def apply_spearman_brown(r: Floats, factor: float = 2) -> Floats:
    """The reliability of a measurement `factor` times as long: n r / (1 + (n - 1) r).

    Source: Spearman 1910, Brown 1910. r = -1 has none (NaN) at a factor of 2.
    """
    below = 1 + (factor - 1) * r
    return divide(factor * r, below)


def measure_consistency(responses: NDArray[Any], *, splits: int = SPLITS) -> Correlations:
    """Split the repetitions in halves, correlate the halves' averages over stimuli, correct.

    responses: [stimuli, repetitions, neurons, bins]. A neuron's correlation is over the stimuli
    that it has in both halves. `summary.center` is Brain-Score's ceiling. Source:
    `brainscore_vision/metrics/internal_consistency`. Raises DataError for fewer than two
    repetitions.
    """
    halves = halve_repetitions(responses.shape[1], splits=splits)
    correlations = [
        correlate_present(*(average_defined(responses[:, half], axis=1) for half in pair))
        for pair in halves
    ]
    return Correlations(apply_spearman_brown(np.stack(correlations)))


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
