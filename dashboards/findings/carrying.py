"""Trainings that were stopped early, carried on to the end along the lines of those that went on.

From each epoch at which trainings were stopped a line leads to the next one, fitted to all
trainings that have both: a line is not bent by who was chosen to go on by the score that it
starts from, as a correlation with the final score would be. The rule's own lines
(search/early_stopping/extrapolation.py) are drawn towards early scores that agree with final
ones; here just that is in question, so it is plain least squares, and each draw takes its line
from the posterior of one (Gelman et al. 2013, Bayesian Data Analysis, section 14.2): the further
beyond those that went on, the less is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboards.findings.chances import Numbers

LEAST = 8
"""Trainings that went on from an epoch, that a line is fitted to."""
MOST = 5_000
"""Trainings that a line is fitted to, at most."""


def list_epochs(curves: pd.DataFrame, stopped: pd.DataFrame, full: int) -> list[int]:
    """The epochs at which trainings were stopped, and from which enough went on."""
    epochs: list[int] = []
    following = full
    for epoch in sorted(set(stopped["epochs"].astype(int)), reverse=True):
        if epoch < following and len(select_pairs(curves, epoch, following)[0]) >= LEAST:
            epochs.insert(0, epoch)
            following = epoch
    return epochs


def select_pairs(curves: pd.DataFrame, first: int, second: int) -> tuple[list[float], list[float]]:
    """The scores at two epochs of the trainings that have both; at most MOST of them."""
    if first not in curves or second not in curves:
        return [], []
    both = curves[[first, second]].dropna().iloc[:MOST]
    return both[first].tolist(), both[second].tolist()


@dataclass(frozen=True, kw_only=True)
class _Lines:
    """later = level + slope * (earlier - middle), beside which scores have a deviation; each a
    column of draws.
    """

    level: Numbers
    slope: Numbers
    deviation: Numbers
    middle: float


def _draw_lines(
    first: Sequence[float], second: Sequence[float], draws: int, rng: np.random.Generator
) -> _Lines:
    x, y = np.array(first), np.array(second)
    moved, n = x - x.mean(), len(x)
    width = max(float(moved @ moved), 1e-9)
    slope = float(moved @ y) / width
    left = y - y.mean() - slope * moved
    deviation = np.sqrt(float(left @ left) / rng.chisquare(n - 2, (draws, 1)))
    return _Lines(
        level=y.mean() + deviation / np.sqrt(n) * rng.standard_normal((draws, 1)),
        slope=slope + deviation / np.sqrt(width) * rng.standard_normal((draws, 1)),
        deviation=deviation,
        middle=float(x.mean()),
    )


def carry_on(
    curves: pd.DataFrame, stopped: pd.DataFrame, epochs: Sequence[int], full: int, draws: int
) -> Numbers:
    """The final scores (draws, trainings) of stopped trainings, carried on to the end."""
    rng = np.random.default_rng(0)
    carried = np.full((draws, len(stopped)), np.nan)
    since = stopped["epochs"].to_numpy(int)
    last = stopped["top1"].to_numpy(float)
    for start, end in zip(epochs, [*epochs[1:], full], strict=True):
        lines = _draw_lines(*select_pairs(curves, start, end), draws, rng)
        # One that was stopped between two epochs of the replay goes on from the one before.
        begins = np.isnan(carried[0]) & (since < end)
        carried[:, begins] = last[begins]
        going = since < end
        spread = lines.deviation * rng.standard_normal((draws, int(going.sum())))
        carried[:, going] = lines.level + lines.slope * (carried[:, going] - lines.middle) + spread
    return np.clip(np.where(np.isnan(carried), last, carried), 0.0, 1.0)
