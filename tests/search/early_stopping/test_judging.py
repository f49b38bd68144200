"""A campaign's judge: a resumed campaign decides as one that was never interrupted."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from search import early_stopping
from search.campaign import Scheduler
from search.early_stopping import EpochReport
from search.early_stopping.judging import Chance, Judge, make
from search.store import Reported
from search.tune.rungs import Rungs
from tests.support.campaigns import report, reported
from ventral.testing import EarlyStoppingSuite
from ventral.testing.early_stopping import PLAN, Make

EPOCHS = 9
GUESS = 0.1
ASHA = Scheduler(name="asha", grace_epochs=1, reduction_factor=3)
OPTIMISTIC = Scheduler(name="optimistic", grace_epochs=2, deviations=2.0)
RULES = (ASHA.model_copy(update={"grace_epochs": 2}), OPTIMISTIC)


def judge_of(settings: Scheduler, past: list[Reported] | None = None, **more: Any) -> Judge:
    """A judge that knows the past."""
    judge = make(settings, EPOCHS, 0, Rungs, **more)
    judge.recall(past or [])
    return judge


def goes_on(judge: Judge, number: int, epoch: int, top1: float) -> bool:
    return not judge.remember(number, report(epoch, top1))


def curve(number: int, final: float, epochs: int = EPOCHS) -> list[Reported]:
    return [reported(number, epoch, final * epoch / EPOCHS) for epoch in range(1, epochs + 1)]


def test_a_new_driver_learns_which_trials_were_to_stop() -> None:
    past = [reported(number, 1, 0.9 - number / 10) for number in range(3)]
    assert make(ASHA, EPOCHS, 0, Rungs).recall(past) == {1, 2}
    again = [*past, reported(1, 1, 0.9), reported(0, 2, 0.0)]
    assert make(ASHA, EPOCHS, 0, Rungs).recall(again) == {1, 2}, "a report is judged once"
    assert make(Scheduler(name="fifo"), EPOCHS, 0, Rungs).recall(past) == set()


@pytest.mark.parametrize("rule", [ASHA, OPTIMISTIC], ids=lambda rule: rule.name)
def test_controls_are_trained_to_the_end(rule: Scheduler) -> None:
    """Whatever they score; and what they score counts for others as it always did."""
    past = [*curve(0, 0.9), *curve(1, 0.1), *curve(2, 0.1, epochs=4), *curve(3, 0.5, epochs=4)]
    plain = make(rule, EPOCHS, 0, Rungs, guess=GUESS).recall(past)
    assert {1, 2} <= plain
    spared = make(
        rule,
        EPOCHS,
        0,
        Rungs,
        guess=GUESS,
        standing=lambda number: "spared" if number == 1 else "judged",
    )
    assert spared.recall(past) == plain - {1}


def test_a_resumed_optimistic_campaign_decides_as_one_that_went_on() -> None:
    past = [*curve(0, 0.9), *curve(1, 0.1, epochs=2), *curve(2, 0.7, epochs=3)]
    whole, resumed = make(OPTIMISTIC, EPOCHS, 0, Rungs), make(OPTIMISTIC, EPOCHS, 0, Rungs)
    judged = {one.number for one in past if whole.remember(one.number, one.report)}
    assert resumed.recall(past) == judged
    assert 1 in judged
    for judge in (whole, resumed):
        assert judge.recall(curve(3, 0.1, epochs=3)) == {3}


def test_what_cannot_become_the_best_stops() -> None:
    judge = judge_of(OPTIMISTIC, [*curve(0, 0.9), *curve(1, 0.8)])
    assert goes_on(judge, 2, 1, 0.01), "it is given its grace"
    assert not goes_on(judge, 2, 2, 0.02)
    assert all(goes_on(judge, 3, epoch, 0.1 * epoch) for epoch in range(1, EPOCHS))


def test_what_is_smaller_is_not_beaten_by_what_is_better() -> None:
    macs = {0: 100, 1: 50, 2: 200}
    judge = judge_of(
        OPTIMISTIC,
        curve(0, 0.9),
        objectives=("macs",),
        trial=lambda number: SimpleNamespace(parameters=None, macs=macs[number]),
    )
    assert goes_on(judge, 1, 2, 0.02)
    assert not goes_on(judge, 2, 2, 0.02)


# ---------------------------------------------------------------------- trainings that guess


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_who_still_guesses_stops_once_another_one_did_better_by_then(rule: Scheduler) -> None:
    """Equal scores part nothing: ASHA alone would let them all train to the end."""
    judge = judge_of(rule, guess=GUESS)
    for number in (0, 1):
        assert all(goes_on(judge, number, e, GUESS) for e in range(1, EPOCHS)), "nobody"
    assert all(goes_on(judge, 2, *one) for one in [(1, GUESS), (2, GUESS), (3, 0.3), (4, 0.4)])
    assert [goes_on(judge, 3, e, GUESS) for e in (1, 2, 3)] == [True, True, False]
    assert all(goes_on(judge, 4, e, 0.35) for e in (1, 2, 3))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_resumed_campaign_knows_who_guesses(rule: Scheduler) -> None:
    scores = [(0, 1, 0.2), (1, 1, GUESS), (1, 2, GUESS), (2, 1, GUESS)]
    past = [reported(*one) for one in scores]
    whole, resumed = judge_of(rule, guess=GUESS), make(rule, EPOCHS, 0, Rungs, guess=GUESS)
    judged = [whole.remember(one.number, one.report) for one in past]
    assert judged == [False, False, True, False]
    assert resumed.recall(past) == {1}
    for judge in (whole, resumed):
        assert judge.recall(past) == set(), "known reports end nothing"
        assert not goes_on(judge, 2, 2, GUESS)
        assert goes_on(judge, 3, EPOCHS, GUESS), "it is at its end"


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"guessing": "train"}, {"guess": GUESS}),
        ({}, {}),
        (
            {},
            {
                "guess": GUESS,
                "objectives": ("macs",),
                "trial": lambda _: SimpleNamespace(macs=9),
            },
        ),
    ],
    ids=["by the campaign's word", "not known what a guess is worth", "several objectives"],
)
def test_who_guesses_may_train(changes: dict[str, Any], more: dict[str, Any]) -> None:
    rule = OPTIMISTIC.model_copy(update=changes)
    judge = judge_of(rule, [reported(0, 1, 0.2)], **more)
    assert all(goes_on(judge, 1, e, GUESS) for e in range(1, EPOCHS))


def test_chance_ends_nothing_before_the_grace() -> None:
    chance = Chance(GUESS, grace=3)
    assert not chance.remember(0, report(1, 0.5))
    assert [chance.remember(1, report(epoch, GUESS)) for epoch in (1, 2, 3)] == [
        False,
        False,
        True,
    ]


# ------------------------------------------------------------------------- the contract of rules


@dataclass(frozen=True)
class Judging:
    """A built-in rule as one of another package."""

    judge_: Judge

    def judge(self, seen: EpochReport) -> bool:
        return self.judge_.remember(seen.trial, report(seen.epoch, seen.top1, loss=seen.loss))


class TestBuiltIn(EarlyStoppingSuite):
    """Every built-in rule keeps the contract of other packages' rules."""

    @pytest.fixture(params=early_stopping.NAMES)
    def make(self, request: pytest.FixtureRequest) -> Make:
        def made(plan: early_stopping.TrainingPlan = PLAN) -> Judging:
            settings = Scheduler(name=request.param, grace_epochs=plan.grace, brackets=2)
            return Judging(make(settings, plan.epochs, plan.seed, Rungs, guess=0.15))

        return made


@pytest.mark.parametrize("settings", RULES)
def test_what_is_apart_is_judged_among_itself(settings: Scheduler) -> None:
    """The word on a trial is the one that it has where those of the other kind are not there."""

    def is_apart(number: int) -> bool:
        return number % 3 == 0

    finals = [0.6 - 0.3 * is_apart(number) + (number * 7 % 12) / 60 for number in range(12)]
    past = [one for number, final in enumerate(finals) for one in curve(number, final)]
    judge = make(
        settings,
        EPOCHS,
        0,
        Rungs,
        guess=GUESS,
        standing=lambda number: "apart" if is_apart(number) else "judged",
    )
    stopped = judge.recall(past)
    for apart in (True, False):
        own = [one for one in past if is_apart(one.number) == apart]
        alone = make(settings, EPOCHS, 0, Rungs, guess=GUESS).recall(own)
        assert {number for number in stopped if is_apart(number) == apart} == alone
    assert stopped != make(settings, EPOCHS, 0, Rungs, guess=GUESS).recall(past)
