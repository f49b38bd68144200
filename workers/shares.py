"""Shares of right answers with their intervals at 95 %, and whether two of them differ.

Whoever answered the same images is compared over these: what two models both got right, or both
wrong, says nothing about their difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # a driver's process has no use for it
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.95
Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
"""Deviations to either side that hold as much of a normal distribution."""
DRAWS = 2000

Right: TypeAlias = "NDArray[np.bool_]"
"""Whether each answer is right, [images]."""


@dataclass(frozen=True)
class Interval:
    """A value with the bounds of its interval; both nan where there is too little to say."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A share less another of the same images, with its interval and McNemar's exact p."""

    value: float
    low: float
    high: float
    p: float

    @property
    def shown(self) -> bool:
        """Whether the shares differ: the interval leaves out 0, and p is below 5 %."""
        return self.p < 1 - LEVEL and (self.low > 0 or self.high < 0)


def bound_share(hits: int, of: int) -> Interval:
    """The share `hits / of` with Wilson's interval (JASA 22, 1927), nan of nothing."""
    if of == 0:
        return Interval(math.nan, math.nan, math.nan)
    share = hits / of
    middle = (share + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * math.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def compare_shares(right: Right, others: Right) -> Difference:
    """How many more of the same images are right than of the others, as a share; nan of none."""
    gained, lost = int((right & ~others).sum()), int((others & ~right).sum())
    return compare_counts(gained, lost, len(right))


def compare_counts(gained: int, lost: int, images: int) -> Difference:
    """The same of the number of images that only the first got right, and only the second.

    The interval is Tango's score interval (Stat. Med. 17:891, 1998), p that of McNemar's test in
    its exact form.
    """
    if images == 0:
        return Difference(math.nan, math.nan, math.nan, math.nan)
    value = (gained - lost) / images
    low = _cross(lambda at: _score(at, gained, lost, images) - Z, -1.0, value)
    high = _cross(lambda at: _score(at, gained, lost, images) + Z, value, 1.0)
    return Difference(value, low, high, _test(gained, lost))


def _score(difference: float, gained: int, lost: int, count: int) -> float:
    """Tango's statistic: how many deviations the counts lie from a difference."""
    distance = gained - lost - count * difference
    half = 2 * count
    slope = (half - gained + lost) * difference - gained - lost
    root = slope**2 + 4 * half * lost * difference * (1 - difference)
    likely = (math.sqrt(max(0.0, root)) - slope) / (2 * half)
    variance = count * (2 * likely + difference * (1 - difference))
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _cross(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses 0; an end where it does not."""
    for _ in range(60):
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _test(gained: int, lost: int) -> float:
    """Two-sided p of McNemar's test: of a fair coin that fell so, or worse."""
    total, smaller = gained + lost, min(gained, lost)
    ways, term = 0, 1
    for k in range(smaller + 1):
        ways += term
        term = term * (total - k) // (k + 1)
    return min(1.0, 2 * ways / (1 << total))


def correct_tests(values: Sequence[float]) -> list[float]:
    """p of several tests as Holm (Scand. J. Stat. 6, 1979) corrects them, in their order."""
    order = sorted(range(len(values)), key=lambda at: values[at])
    corrected, highest = [1.0] * len(values), 0.0
    for place, at in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - place) * values[at]))
        corrected[at] = highest
    return corrected


def correct_differences(differences: Sequence[Difference]) -> list[Difference]:
    """The same with p as `correct_tests` corrects it, in their order."""
    corrected = correct_tests([one.p for one in differences])
    return [replace(one, p=p) for one, p in zip(differences, corrected, strict=True)]


def bound_mean(values: NDArray[np.int64], seed: int = 0) -> Interval:
    """The mean of a whole number an image with its bootstrap interval (percentiles).

    Images are drawn anew `DRAWS` times. Bounds are nan where all images have the same number:
    drawing them again cannot say how sure that is.
    """
    if len(values) == 0:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(values.mean())
    if (values == values[0]).all():
        return Interval(mean, math.nan, math.nan)
    import numpy as np

    kinds, counts = np.unique(values, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), DRAWS)
    edges = (50 - 50 * LEVEL, 50 + 50 * LEVEL)
    low, high = np.percentile(drawn @ kinds / len(values), edges).tolist()
    return Interval(mean, low, high)
