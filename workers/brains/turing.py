"""The NeuroAI Turing test: is a model as far from the animals as these are from each other?

Subjects are the animals and, last, the model. distances [subjects, subjects] say how far subject j
is from what subject i predicts of it; the diagonal is not read. A subject's number in a direction
is its mean distance from all others:

    out    the others, predicted from it        in     it, predicted from the others

Were the model one more animal, the numbers of all subjects could be exchanged. So it is tested as
an outlier among them, upwards only: being near is no fault. Two p values are given:

    p          Student's t of the model's number among the n animals', n - 1 degrees of freedom,
               with the deviation of a single new one; exact for exchangeable normal numbers,
               however much they correlate
    rank_p     (1 + the animals at least as far as the model) / (n + 1), exact without any
               assumption, and never below 1 / (n + 1): 19 animals for 0.05

Both directions are one test of level alpha by Bonferroni: p = 2 min(p_out, p_in). Source: Feather,
Khosla, Murty and Nayebi 2025, "Brain-model evaluations need the NeuroAI Turing test".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from space.errors import DataError
from workers.brains.correlation import Floats

Direction = Literal["out", "in", "both"]

LEVEL = 0.05
FEWEST = 3
"""With two animals there is one distance a direction, and nothing to see a spread of."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The test of a model among `animals` animals in a direction.

    model: its mean distance; others: the mean and `deviation` of the animals'. effect: how many
    deviations further the model is. `both` has the further direction's numbers and the p values of
    both together. rejected: p is below the level.
    """

    direction: Direction
    model: float
    others: float
    deviation: float
    effect: float
    p: float
    rank_p: float
    rejected: bool
    animals: int


def judge_model(distances: Floats, *, level: float = LEVEL) -> list[Verdict]:
    """The verdicts out, in and both on the last subject of distances [subjects, subjects].

    Raises DataError for fewer than three animals, and for a distance that is not defined.
    """
    subjects = len(distances)
    if distances.shape != (subjects, subjects) or subjects < FEWEST + 1:
        problem = f"have the shape {list(distances.shape)}"
        cure = f"give [subjects, subjects] of {FEWEST} animals or more, and the model last"
        raise DataError("distances", problem, cure)
    apart = ~np.eye(subjects, dtype=bool)
    if (undefined := apart & ~np.isfinite(distances)).any():
        first, second = (int(index[0]) for index in np.nonzero(undefined))
        problem = f"have none from subject {first} to subject {second}"
        raise DataError("distances", problem, "leave out a subject that does not vary")
    known = np.where(apart, distances, 0)
    outward = _judge(known.sum(axis=1) / (subjects - 1), "out", level)
    inward = _judge(known.sum(axis=0) / (subjects - 1), "in", level)
    further = min(outward, inward, key=lambda verdict: verdict.p)
    p = min(1.0, 2 * further.p)
    both = Verdict(
        direction="both",
        model=further.model,
        others=further.others,
        deviation=further.deviation,
        effect=further.effect,
        p=p,
        rank_p=min(1.0, 2 * min(outward.rank_p, inward.rank_p)),
        rejected=p < level,
        animals=further.animals,
    )
    return [outward, inward, both]


def _judge(numbers: Floats, direction: Direction, level: float) -> Verdict:
    """The verdict on the last of the subjects' numbers [subjects]."""
    from scipy.stats import t  # type: ignore[import-untyped]

    animals, model = numbers[:-1], float(numbers[-1])
    count = len(animals)
    center, deviation = float(animals.mean()), float(animals.std(ddof=1))
    excess = model - center
    if deviation > 0:
        effect = excess / deviation
        p = float(t.sf(effect / np.sqrt(1 + 1 / count), count - 1))
    else:  # animals that are all alike: anything further is none of them
        effect = float(np.copysign(np.inf, excess)) if excess else 0.0
        p = 0.0 if excess > 0 else 1.0
    return Verdict(
        direction=direction,
        model=model,
        others=center,
        deviation=deviation,
        effect=effect,
        p=p,
        rank_p=float((1 + (animals >= model).sum()) / (count + 1)),
        rejected=p < level,
        animals=count,
    )


def find_power(effect: float, animals: Sequence[int], *, level: float = LEVEL) -> Floats:
    """How often a model so far off is rejected with each number of animals: [numbers].

    effect: how many deviations of an animal's number the model's is further. The level is that of
    one direction; halve it for the test of both. Source: the noncentral t distribution. Raises
    DataError for fewer than two animals.
    """
    from scipy.stats import nct, t

    counts = np.asarray(animals, dtype=np.float64)
    if (counts < 2).any():
        raise DataError("animals", f"are {int(counts.min())}", "give two or more")
    bounds = t.isf(level, counts - 1)
    if not np.isfinite(effect):
        return np.full(len(counts), 1.0 if effect > 0 else 0.0)
    power: Floats = nct.sf(bounds, counts - 1, effect / np.sqrt(1 + 1 / counts))
    # SciPy loses the far tail of large effects to NaN: a power of one.
    return np.where(np.isnan(power) & (effect > 0), 1.0, power)
