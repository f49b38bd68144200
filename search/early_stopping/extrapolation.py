"""From an early score to the final one, by the curves of trainings that were run to the end.

At one fidelity the final score is taken for a linear function of the early one and of the score
an epoch before: two scores are less a matter of luck than one. The regression is drawn towards a
usual line as if that had been seen a few times, so that one pair is enough to begin with; its
variance says how much is left open. The usual line is the less certain the less of the training
was done: an early lead is half lost in the end, a late one is kept.

Trainings that were run to the end are those that early stopping let go on: none of them was low,
and of the lower ones only those are there that rose fast from then on. Their line may be flat, or
fall, and says nothing of the scores below (a regression on a truncated sample). Who asks about
those, as a sampler does of trainings that were stopped, reads the line by `Line.expect`: below the
range it is at least as steep as the usual one. A rule that stops by `Line.at` needs none of this:
what it expects too much of goes on, and is a pair of the next line.
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
    """final = intercept + slopes . early, beside which final scores have `variance`.

    It was fitted to early scores from `lowest` on (in the weights of the usual line), whose final
    scores have the mean `mean`; `lacking` is how much flatter than the usual line it is, or 0.
    """

    intercept: float
    slopes: tuple[float, float]
    variance: float
    lowest: float
    mean: float
    lacking: float

    @classmethod
    def through(cls, pairs: Sequence[tuple[Early, float]], fidelity: float) -> "Line":
        """The line of (early, final) scores, at least one pair, early at `fidelity` in 0..1."""
        early = np.array([scores for scores, _ in pairs], dtype=float)
        final = np.array([score for _, score in pairs], dtype=float)
        moved, weight = early - early.mean(axis=0), _PAIRS * _SPREAD**2
        slope, parts = _SLOPE + (1 - _SLOPE) * fidelity, np.array([_LATER, 1 - _LATER])
        usual = slope * parts
        slopes = np.linalg.solve(
            moved.T @ moved + weight * np.eye(2), moved.T @ (final - final.mean()) + weight * usual
        )
        intercept = final.mean() - early.mean(axis=0) @ slopes
        beside, residual = final - intercept - early @ slopes, _RESIDUAL * (1 - fidelity)
        variance = (beside @ beside + _PAIRS * residual**2) / (len(pairs) + _PAIRS)
        pair = float(slopes[0]), float(slopes[1])
        return cls(
            intercept=float(intercept),
            slopes=pair,
            variance=float(variance),
            lowest=float((early @ parts).min()),
            mean=float(final.mean()),
            lacking=max(0.0, slope - sum(pair)),
        )

    def at(self, early: Early, deviations: float = 0.0) -> float:
        """The final score of an early one, `deviations` deviations better than expected."""
        expected = self.intercept + self.slopes[0] * early[0] + self.slopes[1] * early[1]
        return expected + deviations * math.sqrt(self.variance)

    def expect(self, early: Early) -> tuple[float, float]:
        """The final score of an early one and its variance, also where no pair was.

        Below all pairs the line goes on with the usual slope if its own is less, and never above
        the mean of their final scores. What that takes off is presumed and not seen: it is
        uncertain by its half.
        """
        below = self.lowest - (_LATER * early[0] + (1 - _LATER) * early[1])
        if below <= 0:
            return self.at(early), self.variance
        presumed = self.lacking * below
        return min(self.at(early) - presumed, self.mean), self.variance + (presumed / 2) ** 2


def early_scores(curve: Sequence[tuple[float, float]]) -> dict[float, Early]:
    """For each fidelity of a curve of (fidelity, score), in order, the scores there and before."""
    before = [*curve[:1], *curve]
    return {at: (now, last) for (at, now), (_, last) in zip(curve, before, strict=False)}
