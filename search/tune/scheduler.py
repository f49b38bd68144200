"""When a training is stopped early: Ray Tune's schedulers over our epochs, with a memory.

Ray's ASHA knows only the results of its own life, under the random ids of its own trials. A
resumed campaign has trials that ended before, whose scores belong into the rungs, and trials that
continue from their checkpoints, whose earlier epochs will not be reported again. So the rungs are
kept under the campaign's trial numbers, and filled from the store's reports first.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from search import early_stopping
from search.campaign import Scheduler
from search.campaign.objectives import Objective, Sized, costs_of, sizes_of, steps_of
from search.early_stopping.optimistic import Optimism
from search.early_stopping.watch import Watch
from search.samplers.protocol import derive_seed
from search.store import Reported
from workers.job import Report

METRIC, MODE, TIME = "top1", "max", "epoch"

AGAIN = "again"
"""The key in a Ray trial's config that says whether the trial was interrupted."""

Past = Iterable[Reported]
"""Reports in the order of arrival."""


def create(
    settings: Scheduler,
    epochs: int,
    seed: int,
    past: Past = (),
    *,
    objectives: Sequence[Objective] = (),
    trial: Callable[[int], Sized] | None = None,
    guess: float | None = None,
) -> "InOrder | NumberedASHA | Optimistic":
    """The campaign's scheduler for trainings of `epochs`, knowing the `past`.

    `trial` gives a trial by its number, for those of the further objectives that are its sizes.
    `guess` is the top-1 of the best constant answer, None if it is not known.

    `stopped` holds the trials of the past that are to end where they are, `remember` puts one more
    report that no worker of Ray's made before it. A report's judgement follows from the reports
    before it, in the order of arrival.
    """
    if settings.name == "fifo":
        return InOrder()
    scheduler: NumberedASHA | Optimistic
    grace = settings.grace(epochs)
    # A network that only guesses may still be the best in its size.
    chance = None
    if guess is not None and settings.guessing == "stop" and not objectives:
        chance = Chance(guess, grace)
    if settings.name == "optimistic":
        sizes = partial(_sizes, objectives, trial)
        optimism = Optimism(
            epochs=epochs,
            grace=grace,
            deviations=settings.deviations,
            sizes=sizes,
            steps=steps_of(objectives),
        )
        scheduler = Optimistic(optimism, epochs, chance)
    elif settings.name != "asha":
        plan = early_stopping.Plan(epochs=epochs, grace=grace, seed=seed)
        rule = early_stopping.make(settings.name, plan, settings.options)
        costs = partial(_costs, objectives, trial)
        scheduler = Optimistic(Watch(rule, plan, costs), epochs, chance)
    else:
        scheduler = NumberedASHA(
            seed,
            chance,
            max_t=epochs,
            grace_period=grace,
            reduction_factor=settings.reduction_factor,
            brackets=settings.brackets,
        )
    for one in past:
        if scheduler.remember(one.number, one.report):
            scheduler.stopped.add(one.number)
    return scheduler


def _sizes(
    objectives: Sequence[Objective], trial: Callable[[int], Sized] | None, number: int
) -> tuple[float, ...]:
    return sizes_of(trial(number), objectives) if objectives and trial else ()


def _costs(
    objectives: Sequence[Objective],
    trial: Callable[[int], Sized] | None,
    number: int,
    report: Report,
) -> tuple[float, ...]:
    if not objectives or trial is None:
        return ()
    return costs_of(trial(number), objectives, report.accuracy_by_step)


class InterruptedFirst:
    """For Ray's schedulers: a trial that was interrupted takes the first free slot.

    Ray would give it to a new trial that has waited for it longer.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The waiting trial that gets a worker next; of interrupted ones the lowest number."""
        waiting = [trial for trial in tune_controller.get_live_trials() if _waits(trial)]
        interrupted = [trial for trial in waiting if trial.config.get(AGAIN)]
        if interrupted:
            return min(interrupted, key=lambda trial: trial.config["trial"])
        return super().choose_trial_to_run(tune_controller)  # type: ignore[misc]


def _waits(trial: Any) -> bool:
    return bool(trial.status == Trial.PENDING)


def make_way(tune_controller: Any, trial: Any) -> None:
    """Where `trial` was interrupted: take back what Ray has requested for new trials.

    It requests it again, behind this one.
    """
    if not trial.config.get(AGAIN):
        return

    def is_new(other: Any) -> bool:
        return _waits(other) and not other.config.get(AGAIN)

    # Ray shows a scheduler its controller behind a proxy of public names.
    controller = getattr(tune_controller, "_tune_controller", tune_controller)
    controller.withdraw_requests(is_new)


class InOrder(InterruptedFirst, FIFOScheduler):  # type: ignore[misc]
    """No training is stopped early."""

    stopped: frozenset[int] = frozenset()

    def remember(self, _number: int, _report: Report) -> bool:
        """Whether a trial ends at a report: never."""
        return False

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Let an interrupted trial go before new ones."""
        make_way(tune_controller, trial)


class Chance:
    """Ends trainings that still guess at an epoch by which others of the campaign did better.

    In spaces of deep networks most samples stay at chance, and equal scores are none that ASHA
    could part. To guess is to be no better than the best constant answer, whose top-1 is `guess`.
    """

    def __init__(self, guess: float, grace: int) -> None:
        self._guess, self._grace = guess, grace
        self._learned = math.inf  # the first epoch at which any training knew better
        self._known: set[tuple[int, int]] = set()

    def remember(self, number: int, report: Report) -> bool:
        """Take a report: whether its trial ends there. One that is known ends nothing."""
        score, epoch = report.top1, report.epoch
        if math.isnan(score) or (number, epoch) in self._known:
            return False
        self._known.add((number, epoch))
        if score > self._guess:
            self._learned = min(self._learned, epoch)
            return False
        return bool(epoch >= max(self._grace, self._learned))


class Remembering(InterruptedFirst, ABC):
    """For Ray's schedulers that `remember` reports by their trials' numbers in the campaign."""

    epochs: int
    chance: Chance | None
    stopped: set[int]
    """Trials that an earlier driver was to stop. Not kept up to date."""

    def remember(self, number: int, report: Report) -> bool:
        """Take a report: whether its trial ends there, before its last epoch.

        A report that is known already changes nothing, and ends nothing.
        """
        stops = self._stops(number, report)
        guesses = self.chance is not None and self.chance.remember(number, report)
        return stops or (guesses and report.epoch < self.epochs)

    @abstractmethod
    def _stops(self, number: int, report: Report) -> bool:
        """`remember` by the scheduler's own rule."""

    def on_trial_result(self, _tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Ray's word for whether the trial stops after a result, or goes on."""
        stops = self._remember_all(trial, result)
        over = result[TIME] >= self.epochs
        return str(TrialScheduler.STOP if stops or over else TrialScheduler.CONTINUE)

    def on_trial_complete(self, _tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """The result may be new: Ray does not show a last one to `on_trial_result`."""
        self._remember_all(trial, result)

    def _remember_all(self, trial: Any, result: Mapping[str, Any]) -> bool:
        """Whether the trial ends at any of what a result brings."""
        number = trial.config["trial"]
        # Epochs of a training that was interrupted, whose reports never arrived.
        documents = list(result.get("earlier", ()))
        if "report" in result:
            documents.append(result["report"])
        stops = [self.remember(number, Report.model_validate(one)) for one in documents]
        return any(stops)


class NumberedASHA(Remembering, AsyncHyperBandScheduler):  # type: ignore[misc]
    """ASHA whose rungs know trials by their numbers in the campaign.

    The bracket of a trial depends on the seed and on its number alone.
    """

    def __init__(self, seed: int, chance: Chance | None = None, **settings: Any) -> None:
        super().__init__(time_attr=TIME, metric=METRIC, mode=MODE, **settings)
        self._seed, self.epochs, self.chance = seed, settings["max_t"], chance
        self._entered: set[int] = set()
        self.stopped = set()

    def _stops(self, number: int, report: Report) -> bool:
        if math.isnan(report.top1):
            return False
        result = {TIME: report.epoch, METRIC: report.top1}
        decision = AsyncHyperBandScheduler.on_trial_result(self, None, self._enter(number), result)
        return bool(decision == TrialScheduler.STOP and report.epoch < self.epochs)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Enter a new trial of Ray's into its bracket, once a number."""
        self._enter(trial.config["trial"])
        make_way(tune_controller, trial)

    def on_trial_remove(self, _tune_controller: Any, _trial: Any) -> None:
        """A trial that ends before its first result leaves nothing in the rungs."""

    def _enter(self, number: int) -> Any:
        """What stands for the trial in the rungs, its bracket drawn the first time."""
        stand_in = SimpleNamespace(trial_id=str(number))
        if number not in self._entered:
            self._entered.add(number)
            # Ray draws the bracket from NumPy's global numbers, which are not ours to use up.
            state = np.random.get_state()
            np.random.seed(derive_seed(self._seed, "bracket", number))
            super().on_trial_add(None, stand_in)
            np.random.set_state(state)
        return stand_in


class Optimistic(Remembering, FIFOScheduler):  # type: ignore[misc]
    """Trials in order; `search.early_stopping.optimistic`, or another package's rule, says which
    of them end early.
    """

    def __init__(self, rule: Optimism | Watch, epochs: int, chance: Chance | None = None) -> None:
        super().__init__()
        self._rule, self.epochs, self.chance = rule, epochs, chance
        self.stopped = set()

    def _stops(self, number: int, report: Report) -> bool:
        return self._rule.remember(number, report)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Let an interrupted trial go before new ones."""
        make_way(tune_controller, trial)
