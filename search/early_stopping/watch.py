"""Puts a campaign's reports before a rule as its contract has it: each once, with a score."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from search.early_stopping.protocol import EarlyStopping, EpochReport, TrainingPlan

Costs = Callable[[int, Mapping[str, Any]], tuple[float, ...]]
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

    def remember(self, report: Mapping[str, Any]) -> bool:
        """Take a report (`number`, `epoch`, `top1` and more): whether its trial ends there, early.

        One without a score, or that is known already, changes nothing and ends nothing.
        """
        number, epoch, top1 = report["number"], report["epoch"], report["top1"]
        if top1 is None or math.isnan(top1) or (number, epoch) in self._known:
            return False
        self._known.add((number, epoch))
        stops = self._rule.judge(
            EpochReport(
                trial=number,
                epoch=epoch,
                top1=float(top1),
                loss=_number(report.get("loss")),
                accuracy_by_step=tuple(map(_number, report.get("accuracy_by_step") or ())),
                costs=self._costs(number, report),
            )
        )
        return bool(stops) and self._plan.grace <= epoch < self._plan.epochs


def _number(value: float | None) -> float:
    """The value; nan for one that JSON could not hold."""
    return math.nan if value is None else float(value)
