"""Is a network better than its controls? Differences over paired seeds, and what they show.

Pure statistics of scores: nothing is read here and nothing is trained. Two networks that were
trained from the same seeds are compared seed by seed: the differences are one sample, and
Student's t gives its mean an interval (two-sided). With two seeds the interval holds, too, but is
so wide (its factor is 12.7) that it hardly ever shows anything; with one there is none, and none
where all differences are equal: then their spread is finer than what the test images can resolve.

Several winners are several chances to be lucky. The verdicts against controls of one kind are
therefore corrected together by Holm's procedure (1979, Scand. J. Stat. 6:65): the verdict with the
smallest p of m is tested at 5 % / m, the next at 5 % / (m - 1), and so on to the first that is not
significant, at whose level all others remain. A verdict's interval is its own paired t interval at
that level: it leaves out 0 exactly where the corrected test is significant, so that interval and
word always agree. With one winner it is the plain 95 % interval.

SciPy is imported where something is tested: a driver and its mirror, which import this module, are
smaller by 14 MB without it.
"""

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVEL = 0.05
RESOLUTION = 1e-9
"""Differences of accuracies that differ by less are equal: what is left is rounding."""

LEAST_RANKED = 3
"""Of fewer networks no rank correlation is given; of one more at least an interval."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A winner's scores and a control's, by seed."""

    winner: str
    against: str
    scores: Mapping[int, float]
    others: Mapping[int, float]

    @property
    def differences(self) -> list[float]:
        """The winner's score less the control's, for each seed that both have, in order."""
        return [self.scores[s] - self.others[s] for s in sorted(self.scores.keys() & self.others)]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the paired seeds show. Scores lie in 0..1, as their differences do.

    `difference` is the mean, None without a pair; `low` to `high` its interval at Holm's level
    (None: there is none); `p` of the paired t test before, `level` what it was held against.
    `shown`: the winner is better. A control that is better is not shown, and `high` is below 0.
    """

    winner: str
    against: str
    seeds: int
    difference: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    level: float = LEVEL
    shown: bool = False


def judge(comparisons: Sequence[Comparison]) -> list[Verdict]:
    """The verdicts, in the order given; those against one kind of control corrected together."""
    levels = _levels(comparisons)
    return [_verdict(one, level) for one, level in zip(comparisons, levels, strict=True)]


def _levels(comparisons: Sequence[Comparison]) -> list[float]:
    """Holm's level of each comparison."""
    levels = [LEVEL] * len(comparisons)
    for against in {one.against for one in comparisons}:
        places = [at for at, one in enumerate(comparisons) if one.against == against]
        # What has no p cannot be shown, but was a chance to be lucky.
        ordered = sorted((_p(comparisons[at].differences), at) for at in places)
        rejecting, left = True, len(ordered)
        for p, at in ordered:
            levels[at] = LEVEL / left
            rejecting = rejecting and p < levels[at]
            left -= rejecting
    return levels


def _p(differences: Sequence[float]) -> float:
    """Two-sided p of the paired t test; 1 where there is none."""
    error = _standard_error(differences)
    if error is None:
        return 1.0
    from scipy.special import stdtr  # type: ignore[import-untyped]

    t = abs(statistics.fmean(differences)) / error
    return float(2 * stdtr(len(differences) - 1, -t))


def _standard_error(differences: Sequence[float]) -> float | None:
    """Of their mean; None of fewer than two, and where all are equal."""
    if len(differences) < 2 or max(differences) - min(differences) < RESOLUTION:
        return None
    return statistics.stdev(differences) / math.sqrt(len(differences))


def _verdict(one: Comparison, level: float) -> Verdict:
    differences = one.differences
    mean = statistics.fmean(differences) if differences else None
    error = _standard_error(differences)
    verdict = Verdict(
        winner=one.winner,
        against=one.against,
        seeds=len(differences),
        difference=mean,
        level=level,
    )
    if mean is None or error is None:
        return verdict
    from scipy.special import stdtrit

    half = error * float(stdtrit(len(differences) - 1, 1 - level / 2))
    p = _p(differences)
    return Verdict(
        winner=one.winner,
        against=one.against,
        seeds=len(differences),
        difference=mean,
        low=mean - half,
        high=mean + half,
        p=p,
        level=level,
        shown=mean > 0 and p < level,
    )


# ----------------------------------------------------------------------------- search and luck


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rank correlation of `n` networks' scores; None where it says nothing (too few,
    or all scores equal). `low` to `high`: 95 %, by Fisher's transformation with the variance of
    Fieller, Hartley & Pearson (1957, Biometrika 44:470); None of fewer than four.
    """

    n: int
    rho: float | None
    low: float | None = None
    high: float | None = None


def correlate_ranks(first: Sequence[float], second: Sequence[float]) -> Correlation:
    """How well one score's order agrees with the other's."""
    n = len(first)
    if n < LEAST_RANKED or len(set(first)) == 1 or len(set(second)) == 1:
        return Correlation(n=n, rho=None)
    rho = statistics.correlation(_rank(first), _rank(second))
    if n == LEAST_RANKED or abs(rho) >= 1 - RESOLUTION:
        return Correlation(n=n, rho=rho)
    half = statistics.NormalDist().inv_cdf(1 - LEVEL / 2) * math.sqrt(1.06 / (n - 3))
    return Correlation(
        n=n, rho=rho, low=math.tanh(math.atanh(rho) - half), high=math.tanh(math.atanh(rho) + half)
    )


def _rank(scores: Sequence[float]) -> list[float]:
    """The place of each score among all, from 1; of equal ones the mean of their places."""
    ordered = sorted(scores)
    return [
        (bisect_left(ordered, score) + bisect_right(ordered, score) + 1) / 2 for score in scores
    ]


def measure_luck(searched: float, certified: Sequence[float]) -> float | None:
    """How much of a score of the search was luck: what the same network scores on average from
    seeds, and on images, that it was not chosen by, taken from it. None without such scores.
    """
    return searched - statistics.fmean(certified) if certified else None
