"""From an early score to the final one, by the curves of trainings that were run to the end.

At one fidelity the final score is taken for a linear function of the early one. The regression is
drawn towards a usual line as if that had been seen a few times, so that one pair is enough to
begin with; its variance says how much is left open. The usual line is the less certain the less of
the training was done: an early lead is half lost in the end, a late one is kept.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_PAIRS = 3.0  # so many pairs the usual line counts for
_SPREAD = 0.05  # standard deviation of early scores
_SLOPE = 0.4  # at the beginning of a training; 1 at the end of it
_RESIDUAL = 0.04  # standard deviation of final scores beside the line, likewise; 0 at the end


@dataclass(frozen=True, kw_only=True)
class Line:
    """final = intercept + slope * early, beside which final scores have `variance`."""

    intercept: float
    slope: float
    variance: float

    @classmethod
    def through(cls, pairs: Sequence[tuple[float, float]], fidelity: float) -> "Line":
        """The line of (early, final) scores, at least one pair, early at `fidelity` in 0..1."""
        early, final = np.array(pairs, dtype=float).T
        moved, weight = early - early.mean(), _PAIRS * _SPREAD**2
        usual, residual = _SLOPE + (1 - _SLOPE) * fidelity, _RESIDUAL * (1 - fidelity)
        slope = (moved @ (final - final.mean()) + weight * usual) / (moved @ moved + weight)
        intercept = final.mean() - slope * early.mean()
        beside = final - intercept - slope * early
        variance = (beside @ beside + _PAIRS * residual**2) / (len(pairs) + _PAIRS)
        return cls(intercept=float(intercept), slope=float(slope), variance=float(variance))

    def at(self, early: float, deviations: float = 0.0) -> float:
        """The final score of an early one, so many standard deviations better than expected."""
        return self.intercept + self.slope * early + deviations * math.sqrt(self.variance)
