"""Did early stopping save time, or lose winners?

A replay of the curves: every stopped training is carried on to the end DRAWS times
(dashboards/findings/carrying.py). Then, of as many epochs as the campaign trained, spent on fewer
but full trainings of its trials drawn at random: how probable is it that their best would have
been better than the one that was discovered? Up to DOUBTFUL early stopping has earned what it
saved (by luck alone full trainings win often); from LOST on it has lost winners. Beside it the
text has the epochs saved, the probability that a stopped training would have won, and Spearman's
rank correlation (interval of Fieller, Hartley & Pearson 1957, Biometrika 44:470) of the first two
rungs among those that went on, which is smaller than that among all; where all of its interval is
negative, what was stopped first would have ended best, and there is a warning in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboards.findings.carrying import carry_on, list_epochs, select_pairs
from dashboards.findings.chances import log_choose
from dashboards.findings.finding import Finding, FindingStatus, leave_open
from dashboards.findings.samples import select_trained, select_whole, tabulate_curves
from dashboards.searched import Searched
from search.review.verdicts import Correlation, correlate_ranks

NAME = "early-stopping"
DOUBTFUL, LOST = 0.8, 0.95
DRAWS = 200
LEAST = 8
"""Full trainings that are needed."""
MOST = 5_000
"""Trainings that are carried on; of more, so many drawn at random."""


@dataclass(frozen=True, kw_only=True)
class _Replay:
    """The best of the campaign's full trainings; the chances that the best of full trainings alone
    would have been `better`, and that a stopped one was, so that a winner was `lost`.
    """

    best: float
    better: float
    lost: float
    sampled: bool


def judge(searched: Searched) -> Finding | None:
    """Whether full trainings would have led further. None where nothing was stopped early."""
    if searched.settings.scheduler.name == "fifo":
        return None
    trained, whole = select_trained(searched), select_whole(searched)
    stopped = trained[trained["status"] == "pruned"]
    if not len(stopped) and len(whole) >= LEAST:
        return None
    full = searched.full_epochs
    curves = tabulate_curves(searched.reports)
    curves = curves.reindex(index=trained["trial"])
    epochs = list_epochs(curves, stopped, full)
    if len(whole) < LEAST or not epochs:
        text = (
            f"{len(whole)} trainings to the end are too few to say what the {len(stopped)} "
            f"stopped ones would have reached; {LEAST} are needed."
        )
        more = 2 * searched.settings.budget.trials
        return leave_open(NAME, text, f"ventral resume {searched.id} --set budget.trials={more}")
    spent = int(trained["epochs"].sum())
    instead = max(1, spent // full)
    replay = _replay(curves, stopped, epochs, full, instead)
    better, rungs = replay.better, [*epochs, full][:2]
    ranks = correlate_ranks(*select_pairs(curves, *rungs))
    inverse = ranks.high is not None and ranks.high < 0
    status: FindingStatus = "pass" if better < DOUBTFUL and not inverse else "warning"
    if better >= LOST:
        status = "fail"
    some = f" (by {MOST:,} of them)" if replay.sampled else ""
    text = (
        f"{_WORDS[status]} It saved {1 - spent / (len(trained) * full):.0%} of the epochs of "
        f"{len(trained)} trainings. {instead} full trainings for the same epochs would have had a "
        f"better best than {replay.best:.3f} with probability {better:.2f}; one of the "
        f"{len(stopped)} that were stopped would have with {replay.lost:.2f}{some}"
        f"{_describe_ranks(ranks, *rungs)}."
    )
    grace = min(full, 2 * searched.settings.scheduler.grace(full))
    cure = f"--set scheduler.grace_epochs={grace} --set name={searched.name}-later"
    follow = f"ventral submit --from {searched.id} {cure}"
    return Finding(
        name=NAME,
        status=status,
        value=better,
        threshold=DOUBTFUL if status != "fail" else LOST,
        text=text,
        next=f"ventral top {searched.id}" if status == "pass" else follow,
    )


_WORDS: dict[FindingStatus, str] = {
    "pass": "Early stopping saved time.",
    "warning": "It is doubtful that early stopping was worth it: it may have lost winners.",
    "fail": "Early stopping has lost winners.",
}


def _describe_ranks(ranks: Correlation, first: int, second: int) -> str:
    if ranks.rho is None or ranks.low is None or ranks.high is None:
        return ""
    return (
        f"; of those that went on, the ranks at epoch {first} agree with those at epoch {second} "
        f"by {ranks.rho:.2f} ({ranks.low:.2f} to {ranks.high:.2f})"
    )


def _replay(
    curves: pd.DataFrame, stopped: pd.DataFrame, epochs: Sequence[int], full: int, instead: int
) -> _Replay:
    """What `instead` full trainings, drawn at random from all, would have reached."""
    some = stopped.sample(MOST, random_state=0) if len(stopped) > MOST else stopped
    part = len(some) / len(stopped)
    done = curves[full].dropna().to_numpy(float)
    best = float(done.max())
    above = np.sum(carry_on(curves, some, epochs, full, DRAWS) > best, axis=1) / part
    trainings = len(done) + len(stopped)
    n = min(instead, trainings)
    # The chance that none of n drawn without replacement is above.
    none = np.exp(log_choose(trainings - above, n) - log_choose(trainings, n))
    lost = np.mean(above > 0) if part == 1.0 else -np.expm1(-np.mean(above))
    return _Replay(
        best=best, better=float(1.0 - none.mean()), lost=float(lost), sampled=part < 1.0
    )
