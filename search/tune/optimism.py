"""Stopping what cannot win: a training ends when even its optimistic bound is dominated.

After every epoch the final score is foreseen by the curves of the trainings that came to the end
(search/samplers/extrapolation.py), some standard deviations better than expected. If a finished
training is at least as good as that, and costs no more in anything else that counts, the rest of
this one would be for nothing. Unlike ASHA, which ends a fixed part at each rung however good they
all are, this rule lets all go on that may be the best, and ends nearly all where nearly all are
bad.

A report's judgement follows from the reports before it, in the order of arrival. This module knows
no Ray.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

from search.samplers.extrapolation import Line

Costs = Callable[[int], tuple[float, ...]]
"""A trial's further objectives by its number, fewer are better."""


class Optimism:
    """What is known of the curves so far. Scores are top-1, larger is better.

    `costs` gives a trial's other objectives by its number, smaller is better; none by default.
    """

    def __init__(
        self,
        *,
        epochs: int,
        grace: int,
        deviations: float,
        costs: Costs = lambda number: (),
    ) -> None:
        self._epochs, self._grace, self._deviations = epochs, grace, deviations
        self._costs = functools.cache(costs)
        self._curves: dict[int, dict[int, float]] = {}
        self._finished: list[int] = []
        self._lines: dict[int, Line] = {}

    def remember(self, report: Mapping[str, Any]) -> bool:
        """Take a report (`number`, `epoch`, `top1`): whether its trial ends there, too early.

        A report that is known already changes nothing, and ends nothing.
        """
        number, epoch, score = report["number"], report["epoch"], report["top1"]
        curve = self._curves.setdefault(number, {})
        if epoch in curve or score is None or math.isnan(score):
            return False
        curve[epoch] = score
        if epoch >= self._epochs:
            self._finished.append(number)
            self._lines.clear()
            return False
        return epoch >= self._grace and self._dominated(number, epoch, score)

    def _dominated(self, number: int, epoch: int, score: float) -> bool:
        if epoch not in self._lines:
            known = [self._curves[other] for other in self._finished]
            pairs = [(c[epoch], c[self._epochs]) for c in known if epoch in c]
            if not pairs:
                return False
            self._lines[epoch] = Line.through(pairs, epoch / self._epochs)
        bound = self._lines[epoch].at(score, self._deviations)
        mine = self._costs(number)
        return any(
            self._curves[other][self._epochs] >= bound
            and all(a <= b for a, b in zip(self._costs(other), mine, strict=True))
            for other in self._finished
        )
