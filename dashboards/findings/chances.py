"""Statistics of scores that the questions share. Nothing of a campaign is known here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, chdtri, gammaln, ndtr  # type: ignore[import-untyped]

Numbers = NDArray[np.float64]
Marks = NDArray[np.bool_]

_POINTS = 400  # of a quadrature over the deviation
_GRID = 2001  # of one over a normal distribution


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


def expect_best(n: int) -> float:
    """How many deviations above their mean the best of `n` equal, normally distributed scores is
    expected (David & Nagaraja 2003, Order Statistics, section 3.2). 0 of one.
    """
    at = np.linspace(-8.0, 8.0, _GRID)
    # E max = the integral of (1 - F^n) above zero less that of F^n below.
    below = ndtr(at) ** n
    step = at[1] - at[0]
    return float(
        step * (np.sum(1.0 - below[at > 0]) - np.sum(below[at < 0]))
        + step / 2 * (1.0 - 2.0 * float(below[_GRID // 2]))
    )


def bound_best(n: int, freedom: int, level: float = 0.95) -> float:
    """What the best of `n` equal scores stays below with probability `level`, in deviations that
    were themselves estimated with `freedom` degrees of freedom: the Studentised maximum (Pearson &
    Hartley 1943, Biometrika 33:89), by quadrature.
    """
    part = (np.arange(_POINTS) + 0.5) / _POINTS
    deviations = np.sqrt(chdtri(freedom, part) / freedom)
    low, high = 0.0, 1e4
    for _ in range(60):
        middle = (low + high) / 2
        below = float(np.mean(ndtr(middle * deviations) ** n)) < level
        low, high = (middle, high) if below else (low, middle)
    return high


def expect_best_of(scores: Numbers, n: int) -> float:
    """The expected best of `n` of these scores, drawn without replacement; of those draws that
    have a finite best (what scored nothing is minus infinity). nan where none has.
    """
    ranked = np.sort(scores)[::-1]
    worse = len(ranked) - 1 - np.arange(len(ranked))
    chances = np.exp(log_choose(worse, n - 1) - log_choose(len(ranked), n))
    known = np.isfinite(ranked)
    mass = float(chances[known].sum())
    return float((chances[known] * ranked[known]).sum() / mass) if mass else math.nan


def compare_samples(first: Numbers, second: Numbers) -> Estimate:
    """The probability that a number of `first` is larger than one of `second`, ties counted half:
    Mann and Whitney's statistic, with the interval of DeLong, DeLong & Clarke-Pearson (1988,
    Biometrics 44:837).
    """
    above = _count_below(first, np.sort(second)) / len(second)
    below = 1.0 - _count_below(second, np.sort(first)) / len(first)
    value = float(above.mean())
    variance = _variance(above) / len(first) + _variance(below) / len(second)
    # Where one sample is wholly above the other no spread is left: one more of each would show it.
    least = 0.25 / (len(first) * len(second))
    half = 1.96 * math.sqrt(max(variance, least))
    return Estimate(value=value, low=max(0.0, value - half), high=min(1.0, value + half))


def _count_below(numbers: Numbers, ordered: Numbers) -> Numbers:
    """How many of `ordered` are smaller than each number, equal ones counted half."""
    left = np.searchsorted(ordered, numbers, side="left")
    right = np.searchsorted(ordered, numbers, side="right")
    return (left + right) / 2.0


def _variance(numbers: Numbers) -> float:
    return float(np.var(numbers, ddof=1)) if len(numbers) > 1 else 0.25


def exceed_count(successes: int, n: int, part: float) -> float:
    """The probability of so many successes or more among `n` that succeed with `part`: the exact
    one-sided binomial test (Clopper & Pearson 1934, Biometrika 26:404).
    """
    if successes <= 0:
        return 1.0
    return float(betainc(successes, n - successes + 1, part))


def bound_share(successes: int, n: int) -> Estimate:
    """A share with its interval by Wilson's score (1927, J. Am. Stat. Assoc. 22:209)."""
    z = 1.96
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Estimate(value=share, low=max(0.0, middle - half), high=min(1.0, middle + half))


def associate(inside: Any, marked: int, size: Any, n: int) -> Numbers:
    """Fisher's exact test, one-sided (1935, The Design of Experiments): the probability that so
    many or more of the `marked` ones among `n` are `inside` a part of that `size`, if the part
    has nothing to do with the mark. `inside` and `size` may be arrays.
    """
    inside, size = np.atleast_1d(inside).astype(int), np.atleast_1d(size).astype(int)
    result = np.ones(len(inside))
    whole = log_choose(n, marked)
    for place, (count, part) in enumerate(zip(inside, size, strict=True)):
        more = np.arange(count, min(part, marked) + 1)
        terms = log_choose(part, more) + log_choose(n - part, marked - more) - whole
        result[place] = min(1.0, float(np.exp(terms).sum()))
    return result


def log_choose(n: Any, k: Any) -> Any:
    """The logarithm of the binomial coefficient; minus infinity where there is none."""
    n, k = np.asarray(n, dtype=float), np.asarray(k, dtype=float)
    there = (k >= 0) & (k <= n)
    inner = np.where(there, k, 0.0)
    value = gammaln(n + 1) - gammaln(inner + 1) - gammaln(n - inner + 1)
    return np.where(there, value, -np.inf)
