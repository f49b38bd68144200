"""The contract of search/early_stopping/protocol.py as tests."""

import math
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import pytest

from search.early_stopping.protocol import (
    EarlyStopping,
    EpochReport,
    OfferedEarlyStopping,
    TrainingPlan,
)
from space.documents.extensions import parse_options

Make = Callable[..., EarlyStopping]
"""`make(plan=PLAN)` is a rule that has seen no report."""

PLAN = TrainingPlan(epochs=9, grace=3, seed=4)
TRAININGS = 40


class EarlyStoppingSuite:
    """Holds an early-stopping rule to its contract; derive a class `Test...` that says which one.

    `kind` is the rule's class and `options` are options of it.
    """

    kind: ClassVar[type[OfferedEarlyStopping]]
    options: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture
    def make(self) -> Make:
        """A factory of fresh rules by their plan."""
        options = parse_options(self.kind, self.options, "options")
        return lambda plan=PLAN: self.kind(plan, options)

    def test_a_fresh_rule_judges_as_the_one_before_it(self, make: Make) -> None:
        """This is how a resumed campaign goes on, and how it is replayed."""
        for seed in range(3):
            reports = list(some_reports(seed))
            first = [make_judgement(rule, one) for rule in [make()] for one in reports]
            again = make()
            assert [make_judgement(again, one) for one in reports] == first

    def test_what_comes_later_changes_no_judgement(self, make: Make) -> None:
        """Judgements are given one by one: those of a part are those of the whole up to it."""
        reports = list(some_reports(7))
        whole, part = make(), make()
        judged = [make_judgement(whole, one) for one in reports]
        half = len(reports) // 2
        assert [make_judgement(part, one) for one in reports[:half]] == judged[:half]

    def test_global_random_numbers_play_no_part(self, make: Make) -> None:
        """A rule that draws does so by the plan's seed."""
        reports = list(some_reports(1))
        judged = []
        for seed in (1, 2):
            random.seed(seed)
            rule = make()
            judged.append([make_judgement(rule, one) for one in reports])
        assert judged[0] == judged[1]

    def test_rules_do_not_know_of_each_other(self, make: Make) -> None:
        """Two campaigns may run in one process."""
        reports = list(some_reports(2))
        alone, beside, other = make(), make(), make()
        expected = [make_judgement(alone, one) for one in reports]
        judged = []
        for one, another in zip(reports, some_reports(3), strict=False):
            judged.append(make_judgement(beside, one))
            other.judge(another)
        assert judged == expected[: len(judged)]

    def test_a_training_that_was_to_stop_may_go_on(self, make: Make) -> None:
        """Its worker was lost before it was stopped, say: reports may always come."""
        rule = make()
        for report in some_reports(5, until_stopped=None):
            make_judgement(rule, report)

    def test_one_training_alone_is_judged(self, make: Make) -> None:
        """With nothing to compare it with, of one epoch or of many."""
        for epochs in (1, 2, 9):
            rule = make(TrainingPlan(epochs=epochs, grace=1, seed=0))
            for epoch in range(1, epochs + 1):
                make_judgement(rule, EpochReport(trial=0, epoch=epoch, top1=0.5))

    def test_not_all_trainings_are_stopped(self, make: Make) -> None:
        """Whatever the rule: what is better than all others throughout has to reach its end."""
        rule = make()
        for report in some_reports(6):
            rule.judge(report)
        stopped = [
            make_judgement(rule, make_report(TRAININGS, epoch, 0.9 + 0.01 * epoch))
            for epoch in range(1, PLAN.epochs)
        ]
        assert not any(stopped[PLAN.grace - 1 :])

    def test_nothing_warns(self, make: Make) -> None:
        """What the driver logs is about the campaign."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rule = make()
            for report in some_reports(8):
                rule.judge(report)


def make_judgement(rule: EarlyStopping, report: EpochReport) -> bool:
    """The rule's judgement, which has to be one."""
    stops = rule.judge(report)
    assert isinstance(stops, bool), f"{stops!r} is neither True nor False"
    return stops


def some_reports(seed: int, *, until_stopped: int | None = 5) -> Iterator[EpochReport]:
    """Reports of many trainings in a mixed order, each training's own in theirs.

    Every third training ends after `until_stopped` epochs, if it is not None. Scores are all
    below 0.9; some losses are not known.
    """
    rng = random.Random(seed)
    left = {trial: iter(range(1, PLAN.epochs + 1)) for trial in range(TRAININGS)}
    final = {trial: 0.1 + 0.7 * rng.random() for trial in left}
    while left:
        trial = rng.choice(list(left)[:4])  # four at once
        epoch = next(left[trial], None)
        if epoch is None or (until_stopped and trial % 3 == 0 and epoch > until_stopped):
            del left[trial]
            continue
        top1 = final[trial] * epoch / PLAN.epochs
        yield make_report(trial, epoch, top1, known=rng.random() > 0.1)


def make_report(trial: int, epoch: int, top1: float, *, known: bool = True) -> EpochReport:
    """A report whose loss is what top-1 lacks of 1, if it is known."""
    loss = 1 - top1 if known else math.nan
    steps = (top1 / 2, top1)
    return EpochReport(trial=trial, epoch=epoch, top1=top1, loss=loss, accuracy_by_step=steps)
