"""What failed, and why?

The part of the trainings that failed, by the kind of their failure. Of the most frequent kind that
one choice is named which parts the failed from the others best: every option of every choice, CUTS
thresholds of a number, and where the failed begin and end, by Fisher's exact test (1935,
one-sided), corrected for all that were tried (Bonferroni); it is named if p is below LEVEL. A
warning from WARN on, a fail from FAIL on, both by the lower end of Wilson's interval (1927): one
failure among few is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboards.findings.chances import Marks, Numbers, associate, bound_share
from dashboards.findings.finding import Finding, grade_share
from dashboards.findings.samples import select_ended
from dashboards.frames import CHOICE
from dashboards.searched import Searched

NAME = "failures"
WARN, FAIL = 0.05, 0.3
CUTS = 19
LEVEL = 0.01
MOST = 5_000
"""Trials in which a rule is looked for; of more, so many drawn at random."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A split by one choice: `inside` of the `marked` ones have it, and `size` of all `n`; `p`
    corrected for the splits that were tried.
    """

    words: str
    inside: int
    marked: int
    size: int
    n: int
    p: float

    def describe(self, past: str) -> str:
        """A sentence: how many of those with the property `past`, and of the others."""
        others = self.n - self.size
        return (
            f"{self.inside} of {self.size} with {self.words} {past}, {self.marked - self.inside} "
            f"of {others} others (p = {self.p:.1g})"
        )


def judge(searched: Searched) -> Finding:
    """The part of the trainings that failed, and the choice that explains it."""
    ended = select_ended(searched)
    trained = ended[ended["status"] != "infeasible"]
    failed = (trained["status"] == "failed").to_numpy(bool)
    n, count = len(trained), int(failed.sum())
    top = f"ventral trial list {searched.id} --status failed"
    if not count:
        return Finding(
            name=NAME,
            status="pass",
            value=0.0,
            threshold=WARN,
            text=f"None of {n} trainings failed.",
            next=f"ventral status {searched.id}",
        )
    share = bound_share(count, n)
    status, threshold = grade_share(share, WARN, FAIL)
    kinds = trained.loc[failed, "reason"].fillna("no reason").map(_kind)
    counts = kinds.value_counts()
    listed = ", ".join(f"{number} {kind}" for kind, number in counts.items())
    first = str(counts.index[0])
    marked = failed & (trained["reason"].fillna("no reason").map(_kind) == first).to_numpy(bool)
    rule = find_rule(searched, trained, marked)
    cause = (
        f" {rule.describe(first if first == 'diverged' else f'failed ({first})')}."
        if rule is not None
        else f" No single choice explains them ({first}: {trained.loc[marked, 'reason'].iloc[0]})."
    )
    return Finding(
        name=NAME,
        status=status,
        value=share.value,
        threshold=threshold,
        text=f"{count} of {n} trainings failed ({share.value:.0%}, {share.low:.0%} to "
        f"{share.high:.0%}): {listed}.{cause}",
        next=top,
    )


def _kind(reason: str) -> str:
    return reason.partition(":")[0]


def find_rule(searched: Searched, trials: pd.DataFrame, marked: Marks) -> Rule | None:
    """The property of one choice that marked trials have most often beside the others; None if
    none is significant.
    """
    if len(trials) > MOST:
        chosen = np.sort(np.random.default_rng(0).choice(len(trials), MOST, replace=False))
        trials, marked = trials.iloc[chosen], marked[chosen]
    n, count = len(trials), int(marked.sum())
    splits = list(_list_splits(searched, trials, marked))
    if not splits or not 0 < count < n:
        return None
    matrix = np.array([within for _, within in splits])
    inside, size = (matrix & marked).sum(axis=1), matrix.sum(axis=1)
    p = associate(inside, count, size, n) * len(splits)
    # Of equally improbable ones the first; of a threshold, that is the widest that fits.
    at = int(np.argmin(p))
    if p[at] >= LEVEL:
        return None
    return Rule(
        words=splits[at][0],
        inside=int(inside[at]),
        marked=count,
        size=int(size[at]),
        n=n,
        p=float(p[at]),
    )


def _list_splits(
    searched: Searched, trials: pd.DataFrame, marked: Marks
) -> Iterator[tuple[str, Marks]]:
    """Every property that one choice gives to some trials, in words, and which have it."""
    for parameter in searched.space.parameters:
        column = CHOICE + parameter.path
        if column not in trials:
            continue
        values = trials[column]
        if not hasattr(parameter.domain, "options"):
            numbers = pd.to_numeric(values, errors="coerce").to_numpy(float)
            for cut in _list_cuts(numbers, marked):
                yield f"{parameter.path} > {cut:.3g}", numbers > cut
                yield f"{parameter.path} <= {cut:.3g}", numbers <= cut
            continue
        for option in parameter.domain.options:
            written = str(option).lower() if isinstance(option, bool) else option
            yield f"{parameter.path} = {written}", (values == option).to_numpy(bool)


def _list_cuts(numbers: Numbers, marked: Marks) -> Numbers:
    """Thresholds of a number: quantiles, and where the marked trials begin and end."""
    there = ~np.isnan(numbers)
    known, within = np.unique(numbers[there]), numbers[there & marked]
    if len(known) < 2:
        return np.zeros(0)
    cuts = np.quantile(numbers[there], np.linspace(0, 1, CUTS + 2)[1:-1])
    if len(within):
        before = known[known < within.min()][-1:]
        cuts = np.concatenate([cuts, before, [within.max()]])
    return np.unique(cuts[cuts < known[-1]])
