"""What a rule of another package gets to see, and which of its judgements count."""

from __future__ import annotations

import math
from typing import Any

from search.early_stopping import EpochReport, TrainingPlan
from search.early_stopping.watch import Watch

PLAN = TrainingPlan(epochs=4, grace=2, seed=0)


class Recording:
    """Keeps what it is shown, and would stop everything at once."""

    def __init__(self) -> None:
        self.seen: list[EpochReport] = []

    def judge(self, report: EpochReport) -> bool:
        self.seen.append(report)
        return True


def report(number: int, epoch: int, top1: float | None, **more: Any) -> dict[str, Any]:
    return {"number": number, "epoch": epoch, "top1": top1, **more}


def test_stops_count_from_the_grace_on_and_before_the_end() -> None:
    watch = Watch(Recording(), PLAN)
    stops = [watch.remember(report(0, epoch, 0.5)) for epoch in (1, 2, 3, 4)]
    assert stops == [False, True, True, False]


def test_a_report_is_shown_once_and_only_with_a_score() -> None:
    rule = Recording()
    watch = Watch(rule, PLAN)
    assert watch.remember(report(3, 2, 0.5))
    assert not watch.remember(report(3, 2, 0.5))
    assert not watch.remember(report(3, 3, None))
    assert not watch.remember(report(3, 3, math.nan))
    assert [(one.trial, one.epoch, one.top1) for one in rule.seen] == [(3, 2, 0.5)]


def test_a_rule_sees_costs_steps_and_what_is_not_known() -> None:
    rule = Recording()
    watch = Watch(rule, PLAN, lambda number, shown: (number + shown["epoch"],))
    watch.remember(report(5, 1, 0.5, loss=None, accuracy_by_step=[0.25, None], seconds=3.0))
    watch.remember(report(5, 2, 0.5, loss=2.0))
    first, second = rule.seen
    assert math.isnan(first.loss)
    assert first.accuracy_by_step[0] == 0.25
    assert math.isnan(first.accuracy_by_step[1])
    assert (first.costs, second.costs) == ((6,), (7,))
    assert (second.loss, second.accuracy_by_step) == (2.0, ())
