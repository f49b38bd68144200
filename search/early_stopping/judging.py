"""Who stops early in a campaign: its rule, and the end of trainings that only guess.

Ray's ASHA is a rule like the others: its rungs are passed in (search/tune/rungs.py), so that this
module knows no Ray.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Literal, Protocol

from search import early_stopping
from search.campaign import Scheduler
from search.campaign.objectives import Objective, Sized, costs_of, sizes_of, steps_of
from search.early_stopping.optimistic import Optimism
from search.early_stopping.watch import Watch
from search.store import Reported
from workers.job import Report


class Rule(Protocol):
    """What takes every report of a campaign, in the order of arrival."""

    def remember(self, number: int, report: Report) -> bool:
        """Take a report of trial `number`: whether the training ends there.

        A report that is known already changes nothing, and ends nothing.
        """
        ...


MakeRungs = Callable[[Scheduler, int, int], Rule]
"""Makes ASHA's rule, by the scheduler's settings, the epochs of a training and a seed."""

FindTrial = Callable[[int], Sized]
"""Gives a trial by its number."""

Standing = Literal["judged", "apart", "spared"]
"""How a trial is judged: among all, among the searched controls, or not at all (a control)."""

FindStanding = Callable[[int], Standing]
"""The standing of a trial by its number."""


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
        """Take a report: whether its training ends there. One that is known ends nothing."""
        score, epoch = report.top1, report.epoch
        if math.isnan(score) or (number, epoch) in self._known:
            return False
        self._known.add((number, epoch))
        if score > self._guess:
            self._learned = min(self._learned, epoch)
            return False
        return epoch >= max(self._grace, self._learned)


class Judge:
    """Says of every report whether its training, of at most `epochs`, ends there before its end.

    A judgement follows from the reports before it, in the order of arrival. Without a `rule`
    nothing is stopped but what `chance` stops.
    """

    def __init__(self, rule: Rule | None, epochs: int, chance: Chance | None = None) -> None:
        self._rule, self.epochs, self._chance = rule, epochs, chance

    def remember(self, number: int, report: Report) -> bool:
        """Take a report of trial `number`: whether it ends there.

        A report that is known already changes nothing, and ends nothing.
        """
        stops = self._rule is not None and self._rule.remember(number, report)
        guesses = self._chance is not None and self._chance.remember(number, report)
        return (stops or guesses) and report.epoch < self.epochs

    def recall(self, past: Iterable[Reported]) -> frozenset[int]:
        """Take the reports on record, in the order of arrival: the trials that were to stop."""
        return frozenset(one.number for one in past if self.remember(one.number, one.report))


class StandingJudge(Judge):
    """Judges trials by their standing: searched controls among themselves, and all others among
    themselves, of which the controls are not stopped.

    Held against recurrent networks the feedforward ones that learn later would be stopped, and the
    best of them would be one that was not trained to its end. How much of a score is luck shows in
    controls of several seeds that were all trained to the end.
    """

    def __init__(self, others: Judge, apart: Judge, standing: FindStanding) -> None:
        super().__init__(None, others.epochs)
        self._others, self._apart, self._standing = others, apart, cache(standing)

    def remember(self, number: int, report: Report) -> bool:
        """Take a report of trial `number`: whether it ends there, by those of its own kind."""
        standing = self._standing(number)
        judge = self._apart if standing == "apart" else self._others
        return judge.remember(number, report) and standing != "spared"


def make(
    settings: Scheduler,
    epochs: int,
    seed: int,
    rungs: MakeRungs,
    *,
    objectives: Sequence[Objective] = (),
    trial: FindTrial | None = None,
    guess: float | None = None,
    standing: FindStanding | None = None,
) -> Judge:
    """A campaign's judge of trainings of `epochs`, which has seen no report.

    `rungs` makes ASHA's rule. `trial` gives a trial by its number, for those of the further
    objectives that are its sizes.
    `guess` is the top-1 of the best constant answer, None if it is not known. Without `standing`
    all trials are judged alike. Raises CampaignError for a rule of another package that cannot be
    loaded.
    """
    if standing is not None:
        others, apart = (
            make(settings, epochs, seed, rungs, objectives=objectives, trial=trial, guess=guess)
            for _ in range(2)
        )
        return StandingJudge(others, apart, standing)
    if settings.name == "fifo":
        return Judge(None, epochs)
    grace = settings.grace(epochs)
    # A network that only guesses may still be the best in its size.
    chance = None
    if guess is not None and settings.guessing == "stop" and not objectives:
        chance = Chance(guess, grace)
    rule: Rule
    if settings.name == "asha":
        rule = rungs(settings, epochs, seed)
    elif settings.name == "optimistic":
        rule = Optimism(
            epochs=epochs,
            grace=grace,
            deviations=settings.deviations,
            sizes=partial(_sizes, objectives, trial),
            steps=steps_of(objectives),
        )
    else:
        plan = early_stopping.TrainingPlan(epochs=epochs, grace=grace, seed=seed)
        foreign = early_stopping.make(settings.name, plan, settings.options)
        rule = Watch(foreign, plan, partial(_costs, objectives, trial))
    return Judge(rule, epochs, chance)


def _sizes(
    objectives: Sequence[Objective], trial: FindTrial | None, number: int
) -> tuple[float, ...]:
    return sizes_of(trial(number), objectives) if objectives and trial else ()


def _costs(
    objectives: Sequence[Objective], trial: FindTrial | None, number: int, report: Report
) -> tuple[float, ...]:
    if not objectives or trial is None:
        return ()
    return costs_of(trial(number), objectives, report.accuracy_by_step)
