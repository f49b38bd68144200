"""Did the search beat random sampling of its own space?

What the sampler suggested is held against networks that were drawn from the space itself: those of
a random campaign of the same space, data and recipe in the store, else those that the sampler drew
before it had learned anything, else the first FIRST trials. All are compared by the score at one
epoch, the latest that nearly all of them reached, so that early stopping favours none; a training
without a score (it failed) is below all others, a network that was never trained counts nowhere.
The value is the probability that a suggested network is better than a drawn one: 0.5 if nothing
was learned (Mann & Whitney; interval of DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837).
The text also has the best, beside the expected best of as many random ones (the order statistics
of Dodge et al. 2019, arXiv:1909.03004), where a random campaign was scheduled alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboards.findings.chances import Numbers, compare_samples, expect_best_of
from dashboards.findings.finding import Finding, leave_open
from dashboards.findings.samples import select_ended
from dashboards.searched import Searched

NAME = "random-sampling"
FIRST = 20
"""Trials that stand for random ones where fewer were drawn; of them some are suggested already."""
LEAST = 20
"""Random and suggested networks that are needed, of each."""
REACHED = 0.9
"""The part of all trainings that reached the epoch at which they are compared."""
STARTUP = {"guided": 6, "evolution": 20, "optuna": 10, "nsga2": 50, "hyperopt": 20}
"""Networks that a sampler draws at first, where its options do not say how many. They are repeated
here since some samplers take seconds to be imported.
"""


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """The random networks: their scores, where they are from, and whether all were drawn."""

    scores: Numbers
    source: str
    random: bool


def judge(searched: Searched) -> Finding | None:
    """How probable it is that a suggested network beats a drawn one. None of a random search."""
    if searched.settings.sampler.name == "random":
        return None
    trained = _trained(select_ended(searched))
    startup = _startup(searched)
    first = max(startup, FIRST)
    epoch = _epoch(searched, trained)
    suggested = _scores(trained.iloc[first:], searched.reports, epoch)
    drawn = _draw(searched, trained.iloc[:first], epoch, startup)
    random = (
        f"ventral submit --from {searched.id} --set sampler.name=random --set sampler.options={{}}"
        f" --set name={searched.name}-random"
    )
    if len(suggested) < LEAST or len(drawn.scores) < LEAST:
        text = (
            f"{len(suggested)} networks suggested after the first {first} trials, and "
            f"{len(drawn.scores)} to hold them against, are too few to say whether "
            f"{searched.settings.sampler.name} is better than chance; {LEAST} of each are needed."
        )
        more = max(2 * searched.settings.budget.trials, first + 2 * LEAST)
        return leave_open(NAME, text, f"ventral resume {searched.id} --set budget.trials={more}")
    better = compare_samples(suggested, drawn.scores)
    compared = (
        f"A network that {searched.settings.sampler.name} suggested is better than one of "
        f"{drawn.source} with probability {better.value:.2f} ({better.low:.2f} to "
        f"{better.high:.2f}), at epoch {epoch}; by {_gain(suggested, drawn.scores):+.3f} on "
        f"average.{_compare_best(searched, trained)}"
    )
    if better.low > 0.5:
        return Finding(
            name=NAME,
            status="pass",
            value=better.value,
            threshold=0.5,
            text=f"The search beat random sampling of its space. {compared}",
            next=f"ventral top {searched.id}",
        )
    if not drawn.random:
        text = f"That the search beat random sampling is not shown. {compared} A random campaign "
        return leave_open(NAME, f"{text}of the same space would tell.", random)
    return Finding(
        name=NAME,
        status="fail" if better.high < 0.5 else "warning",
        value=better.value,
        threshold=0.5,
        text=f"The search was no better than random sampling of its space. {compared}",
        next=random,
    )


def _trained(ended: pd.DataFrame) -> pd.DataFrame:
    return ended[ended["status"] != "infeasible"]


def _startup(searched: Searched) -> int:
    """The networks that the sampler draws before it learns; 0 where that is not known."""
    sampler = searched.settings.sampler
    drawn = [sampler.options.get(key) for key in ("startup", "population")]
    return int(next(filter(None, drawn), STARTUP.get(sampler.name, 0)))


def _epoch(searched: Searched, trained: pd.DataFrame) -> int:
    """The latest epoch that nearly all trainings with a score reached."""
    reached = trained.loc[trained["top1"].notna(), "epochs"]
    if searched.baseline is not None:
        other = _trained(searched.baseline.trials)
        reached = pd.concat([reached, other.loc[other["top1"].notna(), "epochs"]])
    if reached.empty:
        return searched.full_epochs
    return max(1, int(np.quantile(reached, 1 - REACHED, method="lower")))


def _scores(trials: pd.DataFrame, reports: pd.DataFrame, epoch: int) -> Numbers:
    """The scores of the trials at an epoch; minus infinity of a failed one."""
    at = reports[reports["epoch"] == epoch].drop_duplicates("trial", keep="last")
    scores = trials["trial"].map(at.set_index("trial")["top1"])
    failed = (trials["status"] == "failed").to_numpy()
    values = scores.to_numpy(float)
    values = np.where(failed & np.isnan(values), -math.inf, values)
    return np.asarray(values[~np.isnan(values)])


def _draw(searched: Searched, first: pd.DataFrame, epoch: int, startup: int) -> _Drawn:
    baseline = searched.baseline
    if baseline is not None:
        scores = _scores(_trained(baseline.trials), baseline.reports, epoch)
        if len(scores) >= LEAST:
            source = f"the {len(scores)} random ones of campaign {baseline.name}"
            return _Drawn(scores=scores, source=source, random=True)
    scores = _scores(first, searched.reports, epoch)
    if startup >= FIRST:
        return _Drawn(scores=scores, source=f"its {len(scores)} random ones", random=True)
    source = f"the first {len(scores)} ({startup} of them random)"
    return _Drawn(scores=scores, source=source, random=False)


def _gain(suggested: Numbers, drawn: Numbers) -> float:
    """The difference of the mean scores, of those that have one."""
    known = [numbers[np.isfinite(numbers)] for numbers in (suggested, drawn)]
    return float(known[0].mean() - known[1].mean()) if all(map(len, known)) else math.nan


def _compare_best(searched: Searched, trained: pd.DataFrame) -> str:
    """A sentence on the best beside the best of random ones; "" where that is not fair."""
    baseline = searched.baseline
    if baseline is None or baseline.scheduler != searched.settings.scheduler:
        return ""
    best, other = (_finals(one) for one in (trained, _trained(baseline.trials)))
    n = min(len(best), len(other))
    if n < LEAST or not np.isfinite(best[:n]).any():
        return ""
    expected = expect_best_of(other, n)
    return (
        f" The best of its first {n} trials has {best[:n].max():.3f}, of {n} random ones "
        f"{expected:.3f} are expected."
    )


def _finals(trained: pd.DataFrame) -> Numbers:
    """By trial: the score of a full training, minus infinity of one that has none."""
    scores = trained["top1"].where(trained["status"] == "finished", -math.inf)
    return scores.fillna(-math.inf).to_numpy(float)
