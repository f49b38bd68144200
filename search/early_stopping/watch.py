"""Puts a campaign's reports before a rule as its contract has it: each once, with a score."""

import math
from collections.abc import Callable

from search.early_stopping.protocol import EarlyStopping, EpochReport, TrainingPlan
from workers.job import Report

Costs = Callable[[int, Report], tuple[float, ...]]
"""A training's further objectives, by its number and its report."""


class Watch:
    """A rule at work. Knows which reports it has seen."""

    def __init__(
        self,
        rule: EarlyStopping,
        plan: TrainingPlan,
        costs: Costs = lambda _number, _report: (),
    ) -> None:
        self._rule, self._plan, self._costs = rule, plan, costs
        self._known: set[tuple[int, int]] = set()

    def remember(self, number: int, report: Report) -> bool:
        """Take a report of a trial: whether the trial ends there, early.

        One without a score, or that is known already, changes nothing and ends nothing.
        """
        epoch = report.epoch
        if math.isnan(report.top1) or (number, epoch) in self._known:
            return False
        self._known.add((number, epoch))
        stops = self._rule.judge(
            EpochReport(
                trial=number,
                epoch=epoch,
                top1=report.top1,
                loss=report.loss,
                accuracy_by_step=report.accuracy_by_step,
                costs=self._costs(number, report),
            )
        )
        return bool(stops) and self._plan.grace <= epoch < self._plan.epochs
