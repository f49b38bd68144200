"""Stopping what cannot win: a training ends when even its optimistic bound is dominated.

After every epoch the final score is predicted from the curves of the trainings that were finished
(search/early_stopping/extrapolation.py), some standard deviations better than expected. If a
finished training is at least as good as that, and costs no more in anything else that counts, the
rest of this one would be useless. Unlike ASHA, which ends a fixed part at each rung however good
they all are, this rule lets all go on that may be the best, and ends nearly all where nearly all
are bad.

A report's judgement follows from the reports before it, in the order of arrival. This module knows
no Ray.
"""

import functools
from collections.abc import Callable, Mapping, Sequence

from search.campaign.objectives import scores_of
from search.early_stopping.extrapolation import Early, Line
from workers.job import Report

Sizes = Callable[[int], tuple[float, ...]]
"""What else counts of a trial, and is known before it trains, by its number; fewer are better."""

_Scores = tuple[float, ...]  # top-1, then top-1 at each of the steps that count


class Optimism:
    """What is known of the curves so far. Scores are top-1, larger is better.

    `steps` are the steps of the clock whose top-1 counts too, `sizes` gives a trial's other
    objectives by its number, smaller is better; none by default.
    """

    def __init__(
        self,
        *,
        epochs: int,
        grace: int,
        deviations: float,
        sizes: Sizes = lambda _number: (),
        steps: Sequence[int] = (),
    ) -> None:
        self._epochs, self._grace, self._deviations = epochs, grace, deviations
        self._sizes, self._steps = functools.cache(sizes), steps
        self._curves: dict[int, dict[int, _Scores]] = {}
        self._finished: list[int] = []
        self._lines: dict[int, tuple[Line, ...]] = {}

    def remember(self, number: int, report: Report) -> bool:
        """Take a report of a trial: whether the trial ends there, too early.

        A report that is known already changes nothing, and ends nothing.
        """
        epoch, scores = report.epoch, scores_of(report, self._steps)
        curve = self._curves.setdefault(number, {})
        if epoch in curve or scores is None:
            return False
        curve[epoch] = scores
        if epoch >= self._epochs:
            self._finished.append(number)
            self._lines.clear()
            return False
        return epoch >= self._grace and self._dominated(number, epoch)

    def _dominated(self, number: int, epoch: int) -> bool:
        """Whether a finished trial is as good in all, even if this one ends as well as it may."""
        if epoch not in self._lines:
            curves = [c for other in self._finished if epoch in (c := self._curves[other])]
            if not curves:
                return False
            self._lines[epoch] = tuple(
                Line.through(
                    [(_early(c, epoch)[i], c[self._epochs][i]) for c in curves],
                    epoch / self._epochs,
                )
                for i in range(len(self._steps) + 1)
            )
        lines, mine = self._lines[epoch], self._sizes(number)
        early = _early(self._curves[number], epoch)
        bounds = [line.at(x, self._deviations) for line, x in zip(lines, early, strict=True)]
        return any(
            all(a >= b for a, b in zip(self._curves[other][self._epochs], bounds, strict=True))
            and all(a <= b for a, b in zip(self._sizes(other), mine, strict=True))
            for other in self._finished
        )


def _early(curve: Mapping[int, _Scores], epoch: int) -> list[Early]:
    """For each kind of score, the values at an epoch and before it."""
    now = curve[epoch]
    return list(zip(now, curve.get(epoch - 1, now), strict=True))
