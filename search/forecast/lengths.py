"""How long the trainings of a campaign are, the early stops of its scheduler counted."""

import bisect
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from search.campaign import Scheduler

ORDER_NOISE = 0.5
"""How much an early score says of a late one: noise over the spread between networks."""


def training_lengths(
    settings: Scheduler, epochs: int, trials: int, rng: np.random.Generator
) -> Any:
    """Epochs of each of `trials` trainings, the scheduler's early stops counted."""
    if settings.name == "fifo":
        return np.full(trials, epochs)
    if settings.name != "asha":
        # How many trainings it will stop is not known beforehand: none, all, or some.
        stopped = rng.random(trials) < rng.random()
        return np.where(stopped, settings.grace(epochs), epochs)
    quality = rng.normal(size=trials)
    brackets = [list(rungs_of(settings, epochs, bracket)) for bracket in range(settings.brackets)]
    weights = np.array([len(rungs) + 1.0 for rungs in brackets])
    which = rng.choice(len(brackets), size=trials, p=weights / weights.sum())
    seen: list[dict[int, list[float]]] = [{rung: [] for rung in rungs} for rungs in brackets]
    lengths = np.full(trials, epochs)
    for trial in range(trials):
        for rung, scores in seen[which[trial]].items():
            score = quality[trial] + ORDER_NOISE * rng.normal()
            cut = quantile(scores, 1 - 1 / settings.reduction_factor)
            bisect.insort(scores, score)
            if cut is not None and score < cut:
                lengths[trial] = rung
                break
    return lengths


def rungs_of(settings: Scheduler, epochs: int, bracket: int) -> Iterator[int]:
    """The epochs after which ASHA compares, as Ray's does: from the grace period up."""
    factor, grace = settings.reduction_factor, settings.grace(epochs)
    last = int(math.log(epochs / grace) / math.log(factor) - bracket + 1)
    for rung in range(last):
        reached = math.ceil(grace * factor ** (rung + bracket))
        if reached < epochs:
            yield reached


def quantile(ordered: Sequence[float], part: float) -> float | None:
    """Of ascending values, between two of them in proportion; None of none.

    `numpy.quantile` gives the same number, but does not know that they ascend and looks at all:
    tens of thousands of calls a forecast would take seconds.
    """
    if not ordered:
        return None
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
