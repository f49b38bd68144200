"""Two populations on the same stimuli: how far their dynamics are apart, and how surely.

The distance of two operators (workers/brains/dynamic_modes.py) is never below 0, and noise adds to
it: two halves of the stimuli of one population are some way apart already. That is the floor to
see a distance against (`within`). The interval is 1.96 deviations of the distances of stimuli
drawn again, to both sides of the distance: these are themselves too large, by the noise that is
drawn with them. Both populations see the same stimuli, and the alignment is found again from the
best one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.correlation import Floats
from workers.brains.dynamic_modes import Trajectories, align_operators, embed_trajectories
from workers.brains.intervals import SEED, count_drawn
from workers.shares import Z

DRAWS = 200
HALVINGS = 10


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two dynamics are apart: `distance`, with its interval `low` to `high` (95 %), the
    `angle` in radians, the distance of `eigenvalues`; and `within`, the mean distance of two
    halves of the stimuli of one and the same population. `rank`: of the operators; `share`: of the
    variance that their coordinates hold, the smaller one.
    """

    distance: float
    low: float
    high: float
    angle: float
    eigenvalues: float
    within: float
    rank: int
    share: float


def compare_dynamics(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    delays: int = 1,
    rank: int | None = None,
    draws: int = DRAWS,
) -> Agreement:
    """The agreement of two populations' responses [stimuli, bins, units] to the same stimuli.

    Without a rank, that of the one that needs more coordinates, as far as the other has them.
    Raises DataError as `embed_trajectories` does, and for other stimuli or bins.
    """
    if first.shape[:2] != second.shape[:2]:
        shapes = f"{list(first.shape)} and {list(second.shape)}"
        raise DataError("responses", f"have the shapes {shapes}", "take the same stimuli and bins")
    one, other = (
        embed_trajectories(values, delays=delays, rank=rank) for values in (first, second)
    )
    if rank is None:
        rank = min(max(one.needed, other.needed), one.rank, other.rank)
        one, other = one.keep(rank), other.keep(rank)
    whole = align_operators(one.fit(), other.fit())
    start = whole.rotation[None]
    drawn = [
        align_operators(one.fit(counts), other.fit(counts), start).distance
        for counts in count_drawn(len(first), draws)
    ]
    width = Z * float(np.std(drawn))
    return Agreement(
        distance=whole.distance,
        low=max(whole.distance - width, 0.0),
        high=whole.distance + width,
        angle=whole.angle,
        eigenvalues=whole.eigenvalues,
        within=float(np.mean([_compare_halves(each) for each in (one, other)])),
        rank=rank,
        share=float(min(one.shares[-1], other.shares[-1])),
    )


def _compare_halves(trajectories: Trajectories) -> float:
    """The mean distance between the operators of two random halves of the stimuli; NaN for one."""
    random = np.random.default_rng(SEED)
    stimuli = len(trajectories.before)
    if stimuli < 2:
        return float("nan")
    start: Floats = np.eye(trajectories.rank)[None]
    distances: list[float] = []
    for _ in range(HALVINGS):
        half = np.zeros(stimuli)
        half[random.permutation(stimuli)[: stimuli // 2]] = 1
        one, other = trajectories.fit(half), trajectories.fit(1 - half)
        distances.append(align_operators(one, other, start).distance)
    return float(np.mean(distances))
