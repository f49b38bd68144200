"""A judge as a scheduler of Ray Tune, and interrupted trials before new ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.utils import flatten_dict

from search.campaign import Scheduler
from search.early_stopping.judging import make
from search.tune.evidence import read_result
from search.tune.rungs import Rungs
from search.tune.scheduler import AGAIN, Judged
from tests.support import toys
from tests.support.campaigns import reported

EPOCHS = 9
ASHA = Scheduler(name="asha", grace_epochs=1, reduction_factor=3)


def trial(number: int, *, again: bool = False, status: str = Trial.PENDING) -> Any:
    return SimpleNamespace(
        trial_id=f"ray-{number}", config={"trial": number, AGAIN: again}, status=status
    )


def scheduler_of(*scores: float) -> Judged:
    """ASHA, over trials that had these scores after an epoch."""
    judge = make(ASHA, EPOCHS, 0, Rungs)
    judge.recall(reported(number, 1, top1) for number, top1 in enumerate(scores))
    return Judged(judge)


def result_of(epoch: int, top1: float, *earlier: float) -> dict[str, Any]:
    """A result as Ray Tune's loop has it; `earlier` are the scores of the epochs before."""
    result: dict[str, Any] = {"epoch": epoch, "top1": top1, "report": toys.report(epoch, top1)}
    result["earlier"] = [toys.report(number, score) for number, score in enumerate(earlier, 1)]
    read_result(result)
    return result


def decide(scheduler: Judged, number: int, result: dict[str, Any]) -> bool:
    """Whether the trial goes on; Ray flattens what it shows to a scheduler."""
    word = scheduler.on_trial_result(None, trial(number), flatten_dict(result))
    return bool(word == TrialScheduler.CONTINUE)


def test_a_trial_stops_where_the_judge_says_so_and_at_its_end() -> None:
    scheduler = scheduler_of(0.5, 0.6, 0.7, 0.8)
    assert decide(scheduler, 8, result_of(1, 0.9))
    assert not decide(scheduler, 9, result_of(1, 0.4))
    assert not decide(scheduler, 8, result_of(EPOCHS, 0.9))


def test_reports_that_never_arrived_are_made_up_for() -> None:
    scheduler = scheduler_of()
    decide(scheduler, 0, result_of(2, 0.9, 0.8))
    assert not decide(scheduler, 1, result_of(1, 0.7))


def test_a_trial_stops_at_what_it_did_not_live_to_report() -> None:
    """Its first epoch was among the worst, which nobody heard; its second one is no rung."""
    scheduler = scheduler_of(0.5, 0.6, 0.7, 0.8)
    assert not decide(scheduler, 9, result_of(2, 0.9, 0.1))


def test_a_last_result_is_in_the_rungs_too() -> None:
    """Ray Tune asks nobody about a result that ends its trial, and tells of it afterwards."""
    scheduler = scheduler_of()
    for number in range(4):
        result = result_of(EPOCHS, 0.9, *[0.9] * (EPOCHS - 1))
        scheduler.on_trial_complete(None, trial(number), result)
    assert not decide(scheduler, 9, result_of(1, 0.8))


def test_top1_at_a_step_is_judged_as_the_worker_reported_it() -> None:
    """Ray would take a report apart, and the judge not know the accuracies by step."""
    rule = Scheduler(name="optimistic", grace_epochs=2)
    sizes = SimpleNamespace(parameters=1, macs=1)
    judge = make(rule, EPOCHS, 0, Rungs, objectives=("top1@0",), trial=lambda _: sizes)
    scheduler = Judged(judge)
    for epoch in range(1, EPOCHS + 1):
        decide(scheduler, 0, result_of(epoch, 0.1 * epoch))
    lasts = [decide(scheduler, 1, result_of(epoch, 0.001 * epoch)) for epoch in range(1, EPOCHS)]
    assert not all(lasts), "it is beaten at its end and at the step"


def test_interrupted_trials_take_the_first_free_slot() -> None:
    waiting = [trial(1), trial(7, again=True), trial(5, again=True)]
    running = trial(3, again=True, status=Trial.RUNNING)
    controller = SimpleNamespace(get_live_trials=lambda: [*waiting, running])
    assert scheduler_of().choose_trial_to_run(controller).config["trial"] == 5


def test_an_interrupted_trial_takes_back_what_new_ones_asked_for() -> None:
    asked: list[Any] = []
    controller = SimpleNamespace(withdraw_requests=asked.append)
    scheduler = scheduler_of()
    scheduler.on_trial_add(controller, trial(1))
    assert asked == []
    scheduler.on_trial_add(controller, trial(2, again=True))
    [is_new] = asked
    others = [trial(3), trial(4, again=True), trial(5, status=Trial.RUNNING)]
    assert [is_new(one) for one in others] == [True, False, False]
