"""What several questions read of a campaign: who was trained how far, the curves, the noise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboards.searched import Searched
from search.store import ENDED

FEW_SEEDS = 3
"""Degrees of freedom below which a deviation is not relied on."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How far a score is a matter of the seed: the standard deviation, pooled over networks that
    were trained to the end from several seeds, with its degrees of freedom.
    """

    deviation: float
    freedom: int

    @property
    def known(self) -> bool:
        """Whether there were seeds enough."""
        return self.freedom >= FEW_SEEDS


def select_ended(searched: Searched) -> pd.DataFrame:
    """The trials that the search chose and that are over, in the order in which it chose them."""
    chosen = searched.sampled
    return chosen[chosen["status"].isin(ENDED)]


def select_whole(searched: Searched) -> pd.DataFrame:
    """Those that were trained to the end, with a score."""
    ended = select_ended(searched)
    whole = (ended["status"] == "finished") & (ended["epochs"] >= searched.full_epochs)
    return ended[whole & ended["top1"].notna()]


def select_trained(searched: Searched) -> pd.DataFrame:
    """Those that were trained, to the end or until they were stopped early, with a score."""
    ended = select_ended(searched)
    return ended[ended["status"].isin(["finished", "pruned"]) & ended["top1"].notna()]


def tabulate_curves(reports: pd.DataFrame) -> pd.DataFrame:
    """The top-1 of reports, a row a trial and a column an epoch; nan where there is none."""
    last = reports.drop_duplicates(["trial", "epoch"], keep="last")
    return last.pivot(index="trial", columns="epoch", values="top1")


def measure_noise(searched: Searched) -> Noise:
    """From the controls' full trainings in the search, and from a certification if there is one.

    A deviation below half a validation image is finer than the score is, and counts as that.
    """
    controls = searched.controls
    whole = (controls["status"] == "finished") & (controls["epochs"] >= searched.full_epochs)
    full = controls[whole & controls["top1"].notna()]
    names = full["control"].fillna(full["digest"])
    groups = [list(scores) for _, scores in full["top1"].groupby(names)]
    if searched.evidence is not None:
        groups += [list(network.scores.values()) for network in searched.evidence.networks]
    return pool_noise(groups, 0.5 / count_images(searched))


def pool_noise(groups: Iterable[list[float]], least: float) -> Noise:
    """The pooled deviation of groups of scores, each of one network; at least `least`."""
    squares, freedom = 0.0, 0
    for scores in groups:
        if len(scores) > 1:
            squares += float(np.var(scores)) * len(scores)
            freedom += len(scores) - 1
    deviation = math.sqrt(squares / freedom) if freedom else math.nan
    return Noise(deviation=max(deviation, least) if freedom else math.nan, freedom=freedom)


def count_images(searched: Searched) -> int:
    """How many images a score of the search is of; 1,000 where it is not known."""
    counts = searched.data.get("counts") or {}
    return int(counts.get(searched.data.get("split", "validation")) or 1000)


def charge_hours(searched: Searched) -> float:
    """Device hours of all trainings that the search chose."""
    seconds = float(searched.suggested["seconds"].fillna(0.0).sum())
    return seconds * searched.settings.resources.devices / 3600
