"""Scores of networks against a recording as tidy tables: a row a model, area, layer and bin."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from workers.brains.panel import AreaScores, ModelScores, Panel
from workers.brains.scores import LayerFit

SCORES = [
    *("model", "layer", "area", "bin", "score", "error", "ceiling", "ceiled", "splits"),
    *("control", "start", "end", "ceiling_error", "neurons", "stimuli", "components"),
    *("milliseconds", "offset", "preferred", "preferred_low", "preferred_high"),
]
TIMES = [
    *("model", "control", "area", "layer", "bin", "start", "end", "middle"),
    *("score", "error", "low", "high", "highest", "highest_low", "highest_high"),
    *("splits", "neurons"),
]
SHARES = ["model", "control", "area", "layer", "neurons", "of", "share", "low", "high", "score"]
COMPARISONS = [
    *("area", "model", "against", "bin"),
    *("difference", "low", "high", "neurons", "verdict"),
]
FITS = ["model", "milliseconds", "offset", "score", "covered", "chosen", "stimuli"]


def tabulate_scores(panel: Panel) -> pd.DataFrame:
    """Every layer against every area and bin, on all splits.

    `preferred` is the share of the area's neurons that prefer the layer, with its interval;
    `milliseconds` and `offset` say how steps were taken for time. What is not defined is missing.
    """
    rows = []
    for model, area in _walk(panel):
        shares = {share.layer: share for share in area.shares}
        for fit in area.fits:
            share = shares.get(fit.layer)
            shared = {
                **_name(model),
                "milliseconds": model.time.milliseconds if model.time else math.nan,
                "offset": model.time.offset if model.time else math.nan,
                "preferred": share.share if share else math.nan,
                "preferred_low": share.low if share else math.nan,
                "preferred_high": share.high if share else math.nan,
            }
            errors, edges = fit.ceilings.error, _edges(panel, fit)
            for score, error, (start, end) in zip(fit.scores, errors, edges, strict=True):
                row = asdict(score) | {"start": start, "end": end, "ceiling_error": float(error)}
                rows.append(row | shared)
    return _frame(rows, SCORES)


def tabulate_times(panel: Panel) -> pd.DataFrame:
    """Each model's line in each area: the layer that the area prefers, on the splits on which it
    was not chosen.

    low, high: the score with its standard error over splits off and on. highest: the root of the
    ceiling, which is the correlation that a model without fault would have with these averages,
    with the bounds by the ceiling's error.
    """
    rows = []
    for model, area in _walk(panel):
        if (fit := area.scored) is None:
            continue
        edges = _edges(panel, fit)
        for score, error, (start, end) in zip(fit.scores, fit.ceilings.error, edges, strict=True):
            slack = 0.0 if math.isnan(error) else float(error)
            highest = [_root(score.ceiling + by) for by in (0.0, -slack, slack)]
            rows.append(
                asdict(score)
                | _name(model)
                | {"start": start, "end": end, "middle": (start + end) / 2}
                | {"low": score.score - score.error, "high": score.score + score.error}
                | dict(zip(("highest", "highest_low", "highest_high"), highest, strict=True))
            )
    return _frame(rows, TIMES)


def tabulate_shares(panel: Panel) -> pd.DataFrame:
    """How many neurons of each area prefer which layer, `of` those that prefer any."""
    rows = [
        asdict(share)
        | _name(model)
        | {"area": area.area, "of": sum(one.neurons for one in area.shares)}
        for model, area in _walk(panel)
        for share in area.shares
    ]
    return _frame(rows, SHARES)


def tabulate_comparisons(panel: Panel) -> pd.DataFrame:
    """What models differ by, and what they are against; `bin` is missing for all bins together."""
    rows = [
        asdict(one.difference)
        | {"area": one.area, "model": one.model, "against": one.against, "bin": one.bin}
        | {"difference": one.difference.value, "verdict": one.difference.verdict}
        for one in panel.comparisons
    ]
    return _frame(rows, COMPARISONS)


def tabulate_fits(panel: Panel) -> pd.DataFrame:
    """Every time mapping that was tried, its score on the stimuli that were held in."""
    rows = [
        {
            "model": model.name,
            "milliseconds": one.mapping.milliseconds,
            "offset": one.mapping.offset,
            "score": one.score,
            "covered": one.covered,
            "chosen": one.mapping == model.time_fit.mapping,
            "stimuli": model.time_fit.stimuli,
        }
        for model in panel.models
        if model.time_fit is not None
        for one in model.time_fit.candidates
    ]
    return _frame(rows, FITS)


def _walk(panel: Panel) -> Iterable[tuple[ModelScores, AreaScores]]:
    return ((model, area) for model in panel.models for area in model.areas)


def _name(model: ModelScores) -> dict[str, Any]:
    return {"model": model.name, "control": model.control}


def _edges(panel: Panel, fit: LayerFit) -> list[tuple[float, float]]:
    return list(panel.edges) or [(math.nan, math.nan)] * len(fit.bins)


def _root(ceiling: float) -> float:
    return float(np.sqrt(max(0.0, ceiling)))


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)
