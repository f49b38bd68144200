"""The suite of early-stopping rules finds the faults that it is for."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from search.early_stopping import EpochReport
from ventral.testing import EarlyStoppingSuite
from ventral.testing.early_stopping import PLAN, TRAININGS, Make, some_reports

CALLS = itertools.count()


class GoesOn:
    def judge(self, _report: EpochReport) -> bool:
        return False


class Draws(GoesOn):
    def judge(self, _report: EpochReport) -> bool:
        return random.random() < 0.5


class CountsForAll(GoesOn):
    def judge(self, _report: EpochReport) -> bool:
        return next(CALLS) % 7 == 0


class StopsAll(GoesOn):
    def judge(self, _report: EpochReport) -> bool:
        return True


class Divides(GoesOn):
    """By the number of other trainings."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def judge(self, report: EpochReport) -> bool:
        self._known.add(report.trial)
        return report.top1 / (len(self._known) - 1) < 0.01


class StopsOnce(GoesOn):
    """And takes what it stopped for gone."""

    def __init__(self) -> None:
        self._stopped: set[int] = set()

    def judge(self, report: EpochReport) -> bool:
        if report.trial in self._stopped:
            raise KeyError(report.trial)
        self._stopped.add(report.trial)
        return True


class Answers(GoesOn):
    def judge(self, report: EpochReport) -> bool:
        return "stop" if report.epoch > 3 else ""  # type: ignore[return-value]


class Warns(GoesOn):
    def judge(self, _report: EpochReport) -> bool:
        warnings.warn("slow", stacklevel=1)
        return False


def make(kind: Callable[[], Any]) -> Make:
    return lambda *_plan: kind()


SUITE = EarlyStoppingSuite()


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Draws, SUITE.test_a_fresh_rule_judges_as_the_one_before_it),
        (Draws, SUITE.test_global_random_numbers_play_no_part),
        (CountsForAll, SUITE.test_a_fresh_rule_judges_as_the_one_before_it),
        (CountsForAll, SUITE.test_what_comes_later_changes_no_judgement),
        (CountsForAll, SUITE.test_rules_do_not_know_of_each_other),
        (StopsAll, SUITE.test_not_all_trainings_are_stopped),
        (Divides, SUITE.test_one_training_alone_is_judged),
        (StopsOnce, SUITE.test_a_training_that_was_to_stop_may_go_on),
        (Answers, SUITE.test_one_training_alone_is_judged),
        (Warns, SUITE.test_nothing_warns),
    ],
)
def test_a_fault_is_found(kind: Callable[[], Any], check: Callable[[Make], None]) -> None:
    with pytest.raises((AssertionError, ArithmeticError, KeyError, UserWarning)):
        check(make(kind))
    check(make(GoesOn))


def test_reports_come_epoch_by_epoch_and_in_a_mixed_order() -> None:
    reports = list(some_reports(0))
    order = [report.trial for report in reports]
    assert set(order) == set(range(TRAININGS))
    assert order != sorted(order)
    for trial in range(TRAININGS):
        epochs = [report.epoch for report in reports if report.trial == trial]
        assert epochs == list(range(1, (5 if trial % 3 == 0 else PLAN.epochs) + 1))
