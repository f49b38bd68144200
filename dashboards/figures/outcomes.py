"""What trials came to, and which of their scores may be compared: those of full trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboards.searched import Searched

MOST = 5000
"""Points that are drawn one by one; more are counted in boxes."""


def number_samples(searched: Searched, *, controls: bool = True) -> pd.DataFrame:
    """The trials that the search chose, in its order, with their place (from 1) as `sample`.

    Without `controls` searched controls are left out, not counted out.
    """
    frame = searched.suggested
    frame = frame.assign(sample=np.arange(1, len(frame) + 1))
    return frame if controls else frame[frame["trial"].isin(searched.sampled["trial"])]


def keep_full(frame: pd.DataFrame, searched: Searched) -> pd.DataFrame:
    """The trials that were trained to the end and have a score: what may be compared."""
    full = (frame["status"] == "finished") & (frame["epochs"] == searched.full_epochs)
    return frame[full & frame["top1"].notna()]


def guess_level(searched: Searched) -> float | None:
    """What a constant answer scores, if the data's facts say it."""
    guess = searched.data.get("guess")
    if isinstance(guess, int | float):
        return float(guess)
    classes = searched.data.get("classes")
    return 1 / len(classes) if isinstance(classes, Sequence) and len(classes) else None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Full trainings of one control: their mean, least and greatest top-1 over `seeds` of them.

    `family` is in what it is matched ("control" where in nothing). Sizes are the network's.
    """

    name: str
    family: str
    mean: float
    low: float
    high: float
    seeds: int
    parameters: int | None
    macs: int | None
    trials: tuple[int, ...]


def collect_references(searched: Searched) -> list[Reference]:
    """The controls that were trained to the end, the best first; those without a score are not."""
    full = keep_full(searched.controls, searched)
    references = []
    for (name, family), frame in full.groupby(
        [full["control"].fillna("control"), full["family"].fillna("control")], sort=True
    ):
        top1 = frame["top1"]
        sizes = [frame[column].dropna() for column in ("parameters", "macs")]
        parameters, macs = (int(size.iloc[0]) if len(size) else None for size in sizes)
        references.append(
            Reference(
                name=str(name),
                family=str(family),
                mean=float(top1.mean()),
                low=float(top1.min()),
                high=float(top1.max()),
                seeds=len(top1),
                parameters=parameters,
                macs=macs,
                trials=tuple(int(one) for one in frame["trial"]),
            )
        )
    return sorted(references, key=lambda one: (-one.mean, one.name))


def name_scores(searched: Searched) -> str:
    """The title of an axis of scores: "top-1 (validation)"."""
    splits = sorted({str(split) for split in searched.trials["split"].dropna()})
    return f"top-1 ({', '.join(splits) or 'validation'})"
