"""Was the budget too small, or too large: is the next gain worth it?

The scores of full trainings above a high threshold have, nearly whatever their distribution, a
generalised Pareto tail (Pickands 1975, Ann. Stat. 3:119), fitted by probability-weighted moments
(Hosking & Wallis 1987, Technometrics 29:339). From it follows how much better the best of half as
many trainings again is expected to be; the interval is that of a bootstrap over the tail. Of a
sampler that learns the tail is that of its later half, and what full trainings still rise by from
one to the next, by the lower end of its interval, is added. The gain is held against the seed's
deviation (ONE_POINT where that is not known): less cannot be told from luck.

- A gain of MORE times that, of which even the low end is more: the search ended before its plateau
  (warning).
- A gain that is less, where CROWD of all trials come as near to the best as twice that, and one as
  good as these without their luck (the expected best of as many equal ones taken off) was there in
  the first EARLY of the budget: the rest of it was spent beyond the plateau (warning). A best that
  is early but alone was luck.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboards.findings.chances import Estimate, Numbers, expect_best
from dashboards.findings.finding import Finding, FindingStatus, leave_open
from dashboards.findings.samples import charge_hours, measure_noise, select_ended, select_whole
from dashboards.searched import Searched

NAME = "budget"
ONE_POINT = 0.01
MORE = 1.5
EARLY, CROWD = 0.08, 0.08
LEAST = 20
"""Full trainings from which a tail can be fitted."""
AGAIN = 0.5
"""The gain is that of so many trainings beyond those of the campaign."""
_TAIL, _FEWEST, _MOST = 0.25, 10, 200  # the part of all that is the tail, within these bounds
_DRAWS = 300
_SHAPES = (-1.0, 0.2)  # of the tail: accuracies are bounded, heavy tails are not theirs
_STEPS = 60  # of the integral over what lies above the best


@dataclass(frozen=True, kw_only=True)
class _Outlook:
    """The gain of `more` trials; `tail` is the number of scores it was extrapolated from."""

    gain: Estimate
    more: int
    tail: int


@dataclass(frozen=True, kw_only=True)
class _Plateau:
    """A score that `crowd` networks have without luck, first reached after `since` trials."""

    level: float
    crowd: int
    since: int


def judge(searched: Searched) -> Finding:
    """What the next part of the budget is expected to bring, and what the last one brought."""
    ended, whole = select_ended(searched), select_whole(searched)
    trained = ended[ended["status"] != "infeasible"]
    if len(whole) < LEAST:
        text = (
            f"{len(whole)} trainings to the end are too few to say what the next ones would "
            f"bring; {LEAST} are needed."
        )
        more = 2 * searched.settings.budget.trials
        return leave_open(NAME, text, f"ventral resume {searched.id} --set budget.trials={more}")
    noise = measure_noise(searched)
    threshold = noise.deviation if noise.known else ONE_POINT
    source = "the deviation of the seed" if noise.known else "one point of accuracy"
    hours, best = charge_hours(searched), float(whole["top1"].max())
    outlook = _look_ahead(trained, whole, learns=searched.settings.sampler.name != "random")
    gain, next = outlook.gain, f"ventral certify {searched.id}"
    status: FindingStatus = "pass"
    word = "The budget was worth it, and is large enough"
    if gain.low > threshold and gain.value > MORE * threshold:
        status, word = "warning", "The search ended before its plateau"
        trials = searched.settings.budget.trials + outlook.more
        next = f"ventral resume {searched.id} --set budget.trials={trials}"
    elif gain.value < threshold and (plateau := _find_plateau(trained, whole, threshold)):
        status = "warning"
        spare = _write_hours((1 - plateau.since / len(trained)) * hours)
        word = (
            f"The budget went on long past the plateau: {plateau.level:.3f}, as good as the best "
            f"{plateau.crowd} without their luck, was there after {plateau.since} of "
            f"{len(trained)} trials, and the {spare} since then brought no more"
        )
    return Finding(
        name=NAME,
        status=status,
        value=gain.value,
        threshold=threshold,
        text=f"{word}. {outlook.more} more trials (about {_write_hours(AGAIN * hours)}) are "
        f"expected to raise the best ({best:.3f}) by {gain.value:.3f} ({gain.low:.3f} to "
        f"{gain.high:.3f}); less than {threshold:.3f} ({source}) cannot be told from luck.",
        next=next,
    )


def _write_hours(hours: float) -> str:
    return f"{hours:.1f} device hours" if hours >= 0.1 else f"{hours * 60:.1f} device minutes"


def _find_plateau(trained: pd.DataFrame, whole: pd.DataFrame, deviation: float) -> _Plateau | None:
    """Where the plateau began, if that was early and many networks are on it."""
    best = float(whole["top1"].max())
    crowd = int((whole["top1"] > best - 2 * deviation).sum())
    level = best - deviation * max(1.0, expect_best(crowd))
    near = set(whole.loc[whole["top1"] >= level, "trial"])
    since = int(np.argmax(trained["trial"].isin(near).to_numpy())) + 1
    n = len(trained)
    if since >= EARLY * n or crowd < CROWD * n:
        return None
    return _Plateau(level=level, crowd=crowd, since=since)


def _look_ahead(trained: pd.DataFrame, whole: pd.DataFrame, *, learns: bool) -> _Outlook:
    """What half as many trials again are expected to bring."""
    more = max(1, math.ceil(AGAIN * len(trained)))
    best = float(whole["top1"].max())
    places = np.flatnonzero(trained["trial"].isin(whole["trial"]).to_numpy())
    scores = whole["top1"].to_numpy(float)
    later = places >= len(trained) / 2
    if not learns or int(later.sum()) < LEAST:
        later = np.ones(len(places), dtype=bool)
    among = len(trained) - int(places[later].min()) if learns else len(trained)
    tail = np.sort(scores[later])[::-1]
    size = min(_MOST, max(_FEWEST, round(_TAIL * len(tail))), len(tail) - 1)
    base, above = float(tail[size]), tail[:size] - tail[size]
    rate = size / among
    rng = np.random.default_rng(0)
    drawn = rng.choice(above, (_DRAWS, size))
    gains = expect_gain(np.vstack([above, drawn]), best - base, rate, more)
    rise = _measure_rise(places[later].astype(float), scores[later]) * more if learns else 0.0
    low, high = np.quantile(gains[1:], [0.025, 0.975])
    gain = Estimate(value=float(gains[0]) + rise, low=float(low) + rise, high=float(high) + rise)
    return _Outlook(gain=gain, more=more, tail=size)


def expect_gain(above: Numbers, best: float, rate: float, more: int) -> Numbers:
    """By how much the best of `more` trials is expected to exceed `best`, for each row of `above`:
    the excesses over a threshold that a trial exceeds with probability `rate`. `best` counts from
    the threshold.
    """
    ordered = np.sort(above, axis=1)
    n = ordered.shape[1]
    mean = np.maximum(ordered.mean(axis=1), 1e-9)
    weights = (n - np.arange(1, n + 1) + 0.35) / n  # plotting positions of Hosking & Wallis
    second = np.maximum((ordered * weights).mean(axis=1), 1e-12)
    denominator = np.maximum(mean - 2 * second, 1e-9)
    shape = np.clip(2 - mean / denominator, *_SHAPES)
    # With the shape within bounds the scale follows from the mean.
    scale = mean * (1 - shape)
    # The integral of 1 - F^more from the best on, to where nothing can be expected any more.
    end = np.where(shape < 0, -scale / np.minimum(shape, -1e-9), best + 30 * scale)
    width = np.maximum(end - best, 0.0)
    part = (np.arange(_STEPS) + 0.5) / _STEPS
    at = best + width[:, None] * part**2  # finer near the best
    step = width[:, None] * 2 * part / _STEPS
    exponent = np.where(np.abs(shape) < 1e-6, 1e-6, shape)[:, None]
    left = np.maximum(1 + exponent * at / scale[:, None], 0.0) ** (-1 / exponent)
    exceeds = -np.expm1(more * np.log1p(-np.minimum(rate * left, 1 - 1e-12)))
    return np.asarray((exceeds * step).sum(axis=1))


def _measure_rise(places: Numbers, scores: Numbers) -> float:
    """By how much full trainings rise from one trial to the next: the lower end of the 95 %
    interval of the slope, 0 where that is below.
    """
    if len(places) < LEAST:
        return 0.0
    x = places - places.mean()
    slope = float(x @ scores / (x @ x))
    left = scores - scores.mean() - slope * x
    error = math.sqrt(float(left @ left) / (len(x) - 2) / float(x @ x))
    return max(0.0, slope - 1.96 * error)
