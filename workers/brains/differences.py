"""By how much one model's score exceeds another's, and whether that is more than chance.

Two models are scored on the same neurons, stimuli and splits, so they are compared neuron by
neuron. The interval is over neurons as if they were drawn independently: it says what other
neurons of the same animals would give, and nothing of other animals.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workers.brains.averages import average_defined
from workers.brains.correlation import Floats
from workers.brains.intervals import find_interval

RESAMPLES = 2000
FEWEST = 2
"""Neurons of which an interval can be said."""
CHUNK = 2**22
"""Numbers that are drawn at a time."""

Verdict = Literal["above", "below", "not told apart"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The median over `neurons` of one model less that of the other, with its 95 % interval.

    NaN where nothing can be said: no neuron has both scores, or fewer than two for the interval.
    """

    value: float
    low: float
    high: float
    neurons: int

    @property
    def verdict(self) -> Verdict:
        """Whether the interval lies above 0, below it, or includes it (or is not known)."""
        if self.low > 0:
            return "above"
        return "below" if self.high < 0 else "not told apart"


def average_neurons(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Two models' correlations [splits, neurons, bins] -> [neurons] each.

    The means over the splits and bins in which both have one: NaN for a neuron without any.
    """
    both = ~np.isnan(first) & ~np.isnan(second)
    return _average(first, both), _average(second, both)


def _average(values: Floats, there: NDArray[np.bool_]) -> Floats:
    by_neuron = np.where(there, values, np.nan).transpose(1, 0, 2)
    return average_defined(by_neuron.reshape(len(by_neuron), -1), axis=1)


def compare_scores(
    first: Floats, second: Floats, *, seed: int = 0, resamples: int = RESAMPLES
) -> Difference:
    """The difference of the medians of two models' scores of the same neurons, [neurons] each.

    The interval is the percentiles' of a bootstrap that draws neurons with replacement, the same
    ones for both models. Neurons that lack either score (NaN) are left out.
    """
    both = ~np.isnan(first) & ~np.isnan(second)
    one, other = first[both], second[both]
    count = len(one)
    if not count:
        return Difference(value=np.nan, low=np.nan, high=np.nan, neurons=0)
    value = float(np.median(one) - np.median(other))
    if count < FEWEST:
        return Difference(value=value, low=np.nan, high=np.nan, neurons=count)
    random = np.random.default_rng(seed)
    size = max(1, CHUNK // count)
    drawn: list[Floats] = []
    for start in range(0, resamples, size):
        places = random.integers(count, size=(min(size, resamples - start), count))
        drawn.append(np.median(one[places], axis=1) - np.median(other[places], axis=1))
    low, high = find_interval(np.concatenate(drawn))
    return Difference(value=value, low=float(low), high=float(high), neurons=count)
