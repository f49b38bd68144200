"""When a training is stopped early: Ray Tune's schedulers over our epochs, with a memory.

Ray's ASHA knows only what it was told in its own life, under the random ids of its own trials. A
resumed campaign has trials that ended before, whose scores belong into the rungs, and trials that
continue from their checkpoints, whose earlier epochs will not be reported again. So the rungs are
kept under the campaign's trial numbers, and filled from the store's reports first.
"""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from search.campaign import Scheduler
from search.samplers.protocol import derived

METRIC, MODE, TIME = "top1", "max", "epoch"

Past = Iterable[Mapping[str, Any]]
"""Reports in the order of arrival, each with the `number` of its trial, `epoch` and `top1`."""


def create(settings: Scheduler, epochs: int, seed: int, past: Past) -> TrialScheduler:
    """The campaign's scheduler for trainings of `epochs`, knowing the `past`."""
    if settings.name == "fifo":
        return FIFOScheduler()
    scheduler = NumberedASHA(
        seed,
        max_t=epochs,
        grace_period=settings.grace_epochs,
        reduction_factor=settings.reduction_factor,
        brackets=settings.brackets,
    )
    for report in past:
        scheduler.remember(report)
    return scheduler


class NumberedASHA(AsyncHyperBandScheduler):  # type: ignore[misc]
    """ASHA whose rungs know trials by their numbers in the campaign.

    The bracket of a trial depends on the seed and on its number alone.
    """

    def __init__(self, seed: int, **settings: Any) -> None:
        super().__init__(time_attr=TIME, metric=METRIC, mode=MODE, **settings)
        self._seed = seed
        self._entered: set[int] = set()

    def remember(self, report: Mapping[str, Any]) -> None:
        """Put a report of an earlier driver's life into the rungs."""
        if report[METRIC] is not None:
            super().on_trial_result(None, self._enter(report["number"]), dict(report))

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self._enter(trial.config["trial"])

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        stand_in = self._enter(trial.config["trial"])
        # Epochs of a training that was interrupted, whose reports never arrived.
        for report in result.get("earlier", ()):
            super().on_trial_result(tune_controller, stand_in, report)
        return str(super().on_trial_result(tune_controller, stand_in, result))

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Nothing new: the last result was seen by `on_trial_result`."""

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """A trial that ends before its first result leaves nothing in the rungs."""

    def _enter(self, number: int) -> Any:
        """What stands for the trial in the rungs, its bracket drawn the first time."""
        stand_in = SimpleNamespace(trial_id=str(number))
        if number not in self._entered:
            self._entered.add(number)
            # Ray draws the bracket from NumPy's global numbers, which are not ours to use up.
            state = np.random.get_state()
            np.random.seed(derived(self._seed, "bracket", number))
            super().on_trial_add(None, stand_in)
            np.random.set_state(state)
        return stand_in
