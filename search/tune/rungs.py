"""ASHA's rungs: Ray Tune's own, under the campaign's trial numbers, with a memory.

Ray's ASHA knows only the results of its own life, under the random ids of its own trials. A
resumed campaign has trials that ended before, whose scores belong into the rungs, and trials that
continue from their checkpoints, whose earlier epochs will not be reported again. So the rungs are
kept under the campaign's trial numbers, and filled from the store's reports first.
"""

import math
from types import SimpleNamespace

import numpy as np
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

from search.campaign import Scheduler
from search.samplers.protocol import derive_seed
from workers.job import Report


class Rungs:
    """A rule (`search.early_stopping.judging.Rule`): the worse part stops at each rung.

    The bracket of a trial depends on the seed and on its number alone.
    """

    def __init__(self, settings: Scheduler, epochs: int, seed: int) -> None:
        self._seed = seed
        self._asha = AsyncHyperBandScheduler(
            time_attr="epoch",
            metric="top1",
            mode="max",
            max_t=epochs,
            grace_period=settings.grace(epochs),
            reduction_factor=settings.reduction_factor,
            brackets=settings.brackets,
        )
        self._entered: dict[int, SimpleNamespace] = {}

    def remember(self, number: int, report: Report) -> bool:
        """Take a report of trial `number`: whether it is of the worse part at its rung."""
        if math.isnan(report.top1):
            return False
        result = {"epoch": report.epoch, "top1": report.top1}
        decision = self._asha.on_trial_result(None, self._enter(number), result)
        return bool(decision == TrialScheduler.STOP)

    def _enter(self, number: int) -> SimpleNamespace:
        """What stands for the trial in the rungs, its bracket drawn the first time."""
        if number not in self._entered:
            stand_in = self._entered[number] = SimpleNamespace(trial_id=str(number))
            # Ray draws the bracket from NumPy's global numbers, which are not ours to use up.
            state = np.random.get_state()
            np.random.seed(derive_seed(self._seed, "bracket", number))
            self._asha.on_trial_add(None, stand_in)
            np.random.set_state(state)
        return self._entered[number]
