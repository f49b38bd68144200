"""ASHA with a memory: a resumed campaign decides as one that was never interrupted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from search import early_stopping
from search.campaign import Scheduler
from search.early_stopping import EpochReport
from search.store import Reported
from search.tune.scheduler import create
from tests.support import campaigns, toys
from tests.support.campaigns import reported
from ventral.testing import EarlyStoppingSuite
from ventral.testing.early_stopping import PLAN, Make

EPOCHS = 9
ASHA = Scheduler(name="asha", grace_epochs=1, reduction_factor=3)


def trial(number: int, ray_id: str = "") -> Any:
    return SimpleNamespace(trial_id=ray_id or f"ray-{number}", config={"trial": number})


def decide(
    scheduler: TrialScheduler,
    who: Any,
    epoch: int,
    top1: float,
    earlier: Sequence[Reported] = (),
) -> bool:
    """Whether the trial goes on."""
    result = result_of(epoch, top1, earlier)
    return bool(scheduler.on_trial_result(None, who, result) == TrialScheduler.CONTINUE)


def result_of(epoch: int, top1: float, earlier: Sequence[Reported] = ()) -> dict[str, Any]:
    """A result as a worker gives it."""
    return {
        "epoch": epoch,
        "top1": top1,
        "report": toys.report(epoch, top1),
        "earlier": [one.report.model_dump(mode="json") for one in earlier],
    }


def test_the_worse_two_thirds_stop_at_a_rung() -> None:
    scheduler = create(ASHA, EPOCHS, 0, [])
    goes_on = []
    for number, top1 in enumerate((0.5, 0.1, 0.9, 0.2)):
        scheduler.on_trial_add(None, trial(number))
        goes_on.append(decide(scheduler, trial(number), 1, top1))
    assert goes_on == [True, False, True, False]
    assert decide(scheduler, trial(2), 2, 0.0), "there is no rung at two epochs"


@pytest.mark.parametrize(
    ("epochs", "first"), [(1, None), (2, 1), (4, 1), (5, 2), (6, 2), (12, 3), (20, 5)]
)
def test_by_default_half_stop_after_a_quarter_of_the_epochs(
    epochs: int, first: int | None
) -> None:
    scheduler = create(Scheduler(), epochs, 0, [])
    for number, top1 in enumerate((0.9, 0.5, 0.1, 0.6)):
        scheduler.on_trial_add(None, trial(number))
        stops = [e for e in range(1, epochs) if not decide(scheduler, trial(number), e, top1)]
        better = top1 > 0.5
        assert stops[:1] == ([] if better or first is None else [first]), number


def test_scores_of_an_earlier_driver_stand_in_the_rungs() -> None:
    past = [reported(number, 1, 0.5 + 0.1 * number) for number in range(4)]
    fresh, resumed = create(ASHA, EPOCHS, 0, []), create(ASHA, EPOCHS, 0, past)
    for scheduler in (fresh, resumed):
        scheduler.on_trial_add(None, trial(9))
    assert decide(fresh, trial(9), 1, 0.4)
    assert not decide(resumed, trial(9), 1, 0.4)


def test_a_continued_trial_is_judged_once_at_each_rung() -> None:
    """It passed the first rung before; a bad epoch between two rungs does not stop it."""
    past = [reported(0, 1, 0.9), reported(1, 1, 0.8), reported(2, 1, 0.7)]
    scheduler = create(ASHA, EPOCHS, 0, past)
    scheduler.on_trial_add(None, trial(0, "another-ray-id"))
    assert decide(scheduler, trial(0, "another-ray-id"), 2, 0.1)
    assert decide(scheduler, trial(0, "another-ray-id"), 3, 0.1), "the first at this rung"


def test_reports_that_never_arrived_are_made_up_for() -> None:
    scheduler = create(ASHA, EPOCHS, 0, [])
    scheduler.on_trial_add(None, trial(0))
    decide(scheduler, trial(0), 2, 0.9, earlier=[reported(0, 1, 0.8)])
    scheduler.on_trial_add(None, trial(1))
    assert not decide(scheduler, trial(1), 1, 0.7)


def test_a_trial_stops_at_what_it_did_not_live_to_report() -> None:
    """Its first epoch was among the worst, which nobody heard; its second one is no rung."""
    past = [reported(number, 1, 0.5 + number / 10) for number in range(4)]
    scheduler = create(ASHA, EPOCHS, 0, past)
    scheduler.on_trial_add(None, trial(9))
    assert not decide(scheduler, trial(9), 2, 0.9, earlier=[reported(9, 1, 0.1)])


def test_a_last_result_is_in_the_rungs_too() -> None:
    """Ray Tune asks nobody about a result that ends its trial, and tells of it afterwards."""
    scheduler = create(ASHA, EPOCHS, 0, [])
    for number in range(4):
        scheduler.on_trial_add(None, trial(number))
        earlier = [reported(number, epoch, 0.9) for epoch in range(1, EPOCHS)]
        scheduler.on_trial_complete(None, trial(number), result_of(EPOCHS, 0.9, earlier))
    scheduler.on_trial_add(None, trial(9))
    assert not decide(scheduler, trial(9), 1, 0.8)


def test_a_new_driver_is_told_which_trials_were_to_stop() -> None:
    past = [reported(number, 1, 0.9 - number / 10) for number in range(3)]
    assert create(ASHA, EPOCHS, 0, past).stopped == {1, 2}
    again = [*past, reported(1, 1, 0.9), reported(0, 2, 0.0)]
    assert create(ASHA, EPOCHS, 0, again).stopped == {1, 2}, "a report is judged once"
    assert create(Scheduler(name="fifo"), EPOCHS, 0, past).stopped == set()


def test_epochs_without_a_score_do_not_count() -> None:
    scheduler = create(ASHA, EPOCHS, 0, [reported(0, 1, math.nan)])
    scheduler.on_trial_add(None, trial(1))
    assert decide(scheduler, trial(1), 1, 0.0)


@pytest.mark.parametrize("seed", [0, 1])
def test_brackets_depend_on_seed_and_number_alone(seed: int) -> None:
    settings = Scheduler(name="asha", grace_epochs=1, brackets=3, reduction_factor=2)
    first, second = create(settings, 27, seed, []), create(settings, 27, seed, [])
    np.random.seed(7)
    untouched = np.random.random()
    np.random.seed(7)
    for number in range(20):
        first.on_trial_add(None, trial(number))
    assert np.random.random() == untouched, "the global random numbers are not used up"
    for number in reversed(range(20)):
        second.on_trial_add(None, trial(number))
    brackets = [
        [one._brackets.index(one._trial_info[str(n)]) for n in range(20)]  # noqa: SLF001
        for one in (first, second)  # Ray has no public names for them
    ]
    assert brackets[0] == brackets[1]
    assert len(set(brackets[0])) > 1


OPTIMISTIC = Scheduler(name="optimistic", grace_epochs=2, deviations=2.0)


def curve(number: int, final: float, epochs: int = EPOCHS) -> list[Reported]:
    return [reported(number, epoch, final * epoch / EPOCHS) for epoch in range(1, epochs + 1)]


def test_what_cannot_become_the_best_stops() -> None:
    scheduler = create(OPTIMISTIC, EPOCHS, 0, [*curve(0, 0.9), *curve(1, 0.8)])
    scheduler.on_trial_add(None, trial(2))
    assert decide(scheduler, trial(2), 1, 0.01), "it is given its grace"
    assert not decide(scheduler, trial(2), 2, 0.02)
    scheduler.on_trial_add(None, trial(3))
    assert all(decide(scheduler, trial(3), epoch, 0.1 * epoch) for epoch in range(1, EPOCHS))


def test_a_resumed_optimistic_campaign_decides_as_one_that_went_on() -> None:
    past = [*curve(0, 0.9), *curve(1, 0.1, epochs=2), *curve(2, 0.7, epochs=3)]
    whole = create(OPTIMISTIC, EPOCHS, 0, [])
    judged = [whole.remember(one.number, one.report) for one in past]
    resumed = create(OPTIMISTIC, EPOCHS, 0, past)
    assert resumed.stopped == {one.number for one, over in zip(past, judged, strict=True) if over}
    assert resumed.stopped >= {1}
    for scheduler in (whole, resumed):
        scheduler.on_trial_add(None, trial(3))
        assert not decide(scheduler, trial(3), 3, 0.1, earlier=curve(3, 0.1, epochs=2))


def test_what_is_smaller_is_not_beaten_by_what_is_better() -> None:
    macs = {0: 100, 1: 50, 2: 200}
    scheduler = create(
        OPTIMISTIC,
        EPOCHS,
        0,
        curve(0, 0.9),
        objectives=("macs",),
        trial=lambda number: SimpleNamespace(parameters=None, macs=macs[number]),
    )
    for number, goes_on in ((1, True), (2, False)):
        scheduler.on_trial_add(None, trial(number))
        assert decide(scheduler, trial(number), 2, 0.02) is goes_on


def test_fifo_stops_nothing() -> None:
    assert isinstance(create(Scheduler(name="fifo"), EPOCHS, 0, []), FIFOScheduler)


# ---------------------------------------------------------------------- trainings that guess

GUESS = 0.1
SIZED = SimpleNamespace(parameters=9, macs=9)
RULES = (ASHA.model_copy(update={"grace_epochs": 2}), OPTIMISTIC)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_who_still_guesses_stops_once_another_one_did_better_by_then(rule: Scheduler) -> None:
    """Equal scores part nothing: ASHA alone would let them all train to the end."""
    scheduler = create(rule, EPOCHS, 0, guess=GUESS)
    for number in (0, 1):
        scheduler.on_trial_add(None, trial(number))
        assert all(decide(scheduler, trial(number), e, GUESS) for e in range(1, EPOCHS)), "nobody"
    scheduler.on_trial_add(None, trial(2))
    learns = [(1, GUESS), (2, GUESS), (3, 0.3), (4, 0.4)]
    assert all(decide(scheduler, trial(2), *one) for one in learns)
    scheduler.on_trial_add(None, trial(3))
    assert [decide(scheduler, trial(3), e, GUESS) for e in (1, 2, 3)] == [True, True, False]
    scheduler.on_trial_add(None, trial(4))
    assert all(decide(scheduler, trial(4), e, 0.35) for e in (1, 2, 3))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_resumed_campaign_knows_who_guesses(rule: Scheduler) -> None:
    past = [
        reported(0, 1, 0.2),
        reported(1, 1, GUESS),
        reported(1, 2, GUESS),
        reported(2, 1, GUESS),
    ]
    whole = create(rule, EPOCHS, 0, guess=GUESS)
    judged = [whole.remember(one.number, one.report) for one in past]
    assert judged == [False, False, True, False]
    resumed = create(rule, EPOCHS, 0, past, guess=GUESS)
    assert resumed.stopped == {1}
    for scheduler in (whole, resumed):
        assert not any(scheduler.remember(one.number, one.report) for one in past), (
            "known reports end nothing"
        )
        assert scheduler.remember(2, campaigns.report(2, GUESS))
        assert not scheduler.remember(3, campaigns.report(EPOCHS, GUESS)), "it is at its end"


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
    scheduler = create(rule, EPOCHS, 0, [reported(0, 1, 0.2)], **more)
    assert not any(scheduler.remember(1, campaigns.report(e, GUESS)) for e in range(1, EPOCHS))


# ------------------------------------------------------------------------- the contract of rules


@dataclass(frozen=True)
class Judging:
    """A built-in rule as one of another package."""

    scheduler: Any

    def judge(self, seen: EpochReport) -> bool:
        shown = campaigns.report(seen.epoch, seen.top1, loss=seen.loss)
        return bool(self.scheduler.remember(seen.trial, shown))


class TestBuiltIn(EarlyStoppingSuite):
    """Every built-in rule keeps the contract of other packages' rules."""

    @pytest.fixture(params=early_stopping.NAMES)
    def make(self, request: pytest.FixtureRequest) -> Make:
        def made(plan: early_stopping.Plan = PLAN) -> Judging:
            settings = Scheduler(name=request.param, grace_epochs=plan.grace, brackets=2)
            return Judging(create(settings, plan.epochs, plan.seed, guess=0.15))

        return made
