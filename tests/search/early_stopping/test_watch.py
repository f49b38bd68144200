"""What a rule of another package gets to see, and which of its judgements count."""

from __future__ import annotations

import math

from search.early_stopping import EpochReport, TrainingPlan
from search.early_stopping.watch import Watch
from tests.support.campaigns import report

PLAN = TrainingPlan(epochs=4, grace=2, seed=0)


class Recording:
    """Keeps what it is shown, and would stop everything at once."""

    def __init__(self) -> None:
        self.seen: list[EpochReport] = []

    def judge(self, report: EpochReport) -> bool:
        self.seen.append(report)
        return True


def test_stops_count_from_the_grace_on_and_before_the_end() -> None:
    watch = Watch(Recording(), PLAN)
    stops = [watch.remember(0, report(epoch, 0.5)) for epoch in (1, 2, 3, 4)]
    assert stops == [False, True, True, False]


def test_a_report_is_shown_once_and_only_with_a_score() -> None:
    rule = Recording()
    watch = Watch(rule, PLAN)
    assert watch.remember(3, report(2, 0.5))
    assert not watch.remember(3, report(2, 0.5))
    assert not watch.remember(3, report(3, math.nan))
    assert [(one.trial, one.epoch, one.top1) for one in rule.seen] == [(3, 2, 0.5)]


def test_a_rule_sees_costs_steps_and_what_is_not_known() -> None:
    rule = Recording()
    watch = Watch(rule, PLAN, lambda number, shown: (number + shown.epoch,))
    watch.remember(5, report(1, 0.5, loss=math.nan, accuracy_by_step=(0.25, math.nan)))
    watch.remember(5, report(2, 0.5, loss=2.0, accuracy_by_step=()))
    first, second = rule.seen
    assert math.isnan(first.loss)
    assert first.accuracy_by_step[0] == 0.25
    assert math.isnan(first.accuracy_by_step[1])
    assert (first.costs, second.costs) == ((6,), (7,))
    assert (second.loss, second.accuracy_by_step) == (2.0, ())
