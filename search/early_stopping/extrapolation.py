"""From an early score to the final one, by the curves of trainings that were run to the end.

At one fidelity the final score is taken for a linear function of the early one and of the score
an epoch before: two scores are less a matter of luck than one. The regression is drawn towards a
usual line as if that had been seen a few times, so that one pair is enough to begin with; its
variance says how much is left open. The usual line is the less certain the less of the training
was done: an early lead is half lost in the end, a late one is kept.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Early = tuple[float, float]
"""A score at some epoch, and at the epoch before (the same where there is none)."""

_PAIRS = 3.0  # pairs that the usual line counts for
_SPREAD = 0.05  # standard deviation of early scores
_SLOPE = 0.4  # at the beginning of a training; 1 at the end of it
_LATER = 0.7  # the part of it that is the later score's
_RESIDUAL = 0.04  # standard deviation of final scores beside the line, likewise; 0 at the end


@dataclass(frozen=True, kw_only=True)
class Line:
    """final = intercept + slopes . early, beside which final scores have `variance`."""

    intercept: float
    slopes: tuple[float, float]
    variance: float

    @classmethod
    def through(cls, pairs: Sequence[tuple[Early, float]], fidelity: float) -> "Line":
        """The line of (early, final) scores, at least one pair, early at `fidelity` in 0..1."""
        early = np.array([scores for scores, _ in pairs], dtype=float)
        final = np.array([score for _, score in pairs], dtype=float)
        moved, weight = early - early.mean(axis=0), _PAIRS * _SPREAD**2
        usual = (_SLOPE + (1 - _SLOPE) * fidelity) * np.array([_LATER, 1 - _LATER])
        slopes = np.linalg.solve(
            moved.T @ moved + weight * np.eye(2), moved.T @ (final - final.mean()) + weight * usual
        )
        intercept = final.mean() - early.mean(axis=0) @ slopes
        beside, residual = final - intercept - early @ slopes, _RESIDUAL * (1 - fidelity)
        variance = (beside @ beside + _PAIRS * residual**2) / (len(pairs) + _PAIRS)
        pair = float(slopes[0]), float(slopes[1])
        return cls(intercept=float(intercept), slopes=pair, variance=float(variance))

    def at(self, early: Early, deviations: float = 0.0) -> float:
        """The final score of an early one, `deviations` deviations better than expected."""
        expected = self.intercept + self.slopes[0] * early[0] + self.slopes[1] * early[1]
        return expected + deviations * math.sqrt(self.variance)


def early_scores(curve: Sequence[tuple[float, float]]) -> dict[float, Early]:
    """For each fidelity of a curve of (fidelity, score), in order, the scores there and before."""
    before = [*curve[:1], *curve]
    return {at: (now, last) for (at, now), (_, last) in zip(curve, before, strict=False)}
