"""Learning curves, with the rungs at which trainings are stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import span, write_count, write_list
from dashboards.figures.outcomes import MOST, guess_level, name_scores
from dashboards.figures.panels import stack_panels
from dashboards.searched import Searched

WIDTH, HEIGHT = 400, 180
LINES = 120
"""So many curves are drawn; the band says what all did."""
POINTS = 1500
"""And so many points of them."""
EPOCHS = 40
"""Moments of the band."""


def draw_curves(campaigns: Sequence[Searched]) -> Figure | None:
    """Top-1 by epoch, one panel a campaign. None where nothing was trained past one epoch."""
    return stack_panels(campaigns, _draw_one, MOST)


def find_rungs(searched: Searched) -> list[int]:
    """The epochs at which the campaign's rule may stop a training for the first time, in order.

    Of asha its rungs, of other rules that stop the end of the grace epochs, of fifo none.
    """
    scheduler, epochs = searched.settings.scheduler, searched.full_epochs
    grace = scheduler.grace(epochs)
    if scheduler.name == "fifo" or grace >= epochs:
        return []
    if scheduler.name != "asha":
        return [grace]
    rungs = {
        math.ceil(grace * scheduler.reduction_factor**power)
        for bracket in range(scheduler.brackets)
        for power in range(bracket, 64)
        if grace * scheduler.reduction_factor**power < epochs
    }
    return sorted(rungs)


def choose_curves(reports: pd.DataFrame, trials: pd.DataFrame, most: int) -> list[int]:
    """The trials whose curves are drawn: the best `most // 3`, and an even sample of the rest."""
    last = reports.groupby("trial")["epoch"].max()
    scored = trials[trials["trial"].isin(last[last > 1].index)]
    ranked = scored.sort_values(["epochs", "top1", "trial"], ascending=[False, False, True])
    best, rest = ranked.head(most // 3), ranked.iloc[most // 3 :]
    if len(rest):
        places = np.linspace(0, len(rest) - 1, min(len(rest), most - len(best)))
        rest = rest.iloc[np.unique(places.astype(int))]
    return [int(one) for one in [*best["trial"], *rest["trial"]]]


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    trials = searched.suggested
    reports = searched.reports[searched.reports["trial"].isin(trials["trial"])]
    reports = reports.dropna(subset=["top1"])
    if reports.empty or int(reports["epoch"].max()) < 2:
        return None
    epochs = int(reports["epoch"].max())
    chosen = choose_curves(reports, trials, min(LINES, max(6, POINTS // epochs)))
    ends = trials.set_index("trial")[["status", "epochs"]]
    lines = reports[reports["trial"].isin(chosen)].join(ends, on="trial")
    lines = lines.assign(stopped=lines["status"] == "pruned")
    rungs = find_rungs(searched)
    table = _summarise(reports)
    chart = _draw(searched, lines, table, rungs)
    shown = reports[["trial", "epoch", "top1"]].join(ends["status"], on="trial")
    return Figure(
        name="curves",
        title="Learning curves",
        text=_describe(searched, trials, table, rungs, len(chosen)),
        chart=chart,
        frame=shown.sort_values(["trial", "epoch"], kind="stable").reset_index(drop=True),
    )


def _summarise(reports: pd.DataFrame) -> pd.DataFrame:
    """Rows `epoch`, `low`, `middle`, `high` (10, 50, 90 %) and `trials` that got there."""
    of_epoch = reports.groupby("epoch")["top1"]
    parts = {"low": 0.1, "middle": 0.5, "high": 0.9}
    table = pd.DataFrame({name: of_epoch.quantile(part) for name, part in parts.items()})
    return table.assign(trials=of_epoch.count()).reset_index()


def _draw(
    searched: Searched, lines: pd.DataFrame, table: pd.DataFrame, rungs: Sequence[int]
) -> Any:
    guess = guess_level(searched)
    domain = span([*lines["top1"], *table["low"], *table["high"], *([guess] if guess else [])])
    scale = alt.Scale(domain=list(domain), nice=False)
    first, last = int(table["epoch"].min()), int(table["epoch"].max())
    x = partial(
        alt.X,
        title="epoch",
        scale=alt.Scale(domain=[first, last], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d"),
    )
    y = partial(alt.Y, title=name_scores(searched), scale=scale)
    band = alt.Chart(
        write_inline(table.iloc[:: max(1, len(table) // EPOCHS)][["epoch", "low", "high"]])
    )
    data = write_inline(lines[["trial", "epoch", "top1", "stopped"]], {"top1": 3})
    curves = alt.Chart(data).encode(x=x("epoch:Q"), y=y("top1:Q"), detail="trial:N")
    ended = lines[lines["epoch"] == lines["epochs"]].sort_values(["epoch", "top1"])
    best = int(ended["trial"].to_numpy()[-1]) if len(ended) else -1
    stops = lines[lines["stopped"] & (lines["epoch"] == lines["epochs"])]
    layers: list[alt.Chart] = [
        band.mark_area(style="missing", opacity=0.7).encode(
            x=x("epoch:Q"), y=y("low:Q"), y2="high:Q"
        ),
        curves.transform_filter("datum.stopped").mark_line(
            style="everyone", strokeDash=[1, 0], strokeWidth=0.5, opacity=0.6
        ),
        curves.transform_filter("!datum.stopped").mark_line(
            style="band", strokeWidth=0.8, opacity=0.55
        ),
        curves.transform_filter(f"datum.trial == {best}").mark_line(style="best"),
        alt.Chart(write_inline(stops[["epoch", "top1"]]))
        .mark_point(style="lost", shape="triangle-down")
        .encode(x=x("epoch:Q"), y=y("top1:Q")),
    ]
    if guess is not None:
        level = alt.Chart(write_inline(pd.DataFrame({"top1": [guess]})))
        layers.append(level.mark_rule(style="chance").encode(y=y("top1:Q")))
    if rungs:
        counts = table.set_index("epoch")["trials"]
        words = [f"rung {rung}: {int(counts.get(rung, 0)):,}" for rung in rungs]
        marks = alt.Chart(write_inline(pd.DataFrame({"epoch": rungs, "name": words})))
        layers += [
            marks.mark_rule(style="rung").encode(x=x("epoch:Q")),
            marks.mark_text(style="quiet", align="left", baseline="bottom", dx=2).encode(
                x=x("epoch:Q"), y=alt.value(-2), text="name:N"
            ),
        ]
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _describe(
    searched: Searched,
    trials: pd.DataFrame,
    table: pd.DataFrame,
    rungs: Sequence[int],
    drawn: int,
) -> str:
    counts = table.set_index("epoch")
    trained = int(counts["trials"].iloc[0])
    text = f"{write_count(trained, 'training')} reported; "
    if rungs:
        words = [f"{int(counts['trials'].get(one, 0)):,} reached epoch {one}" for one in rungs]
        stopped = int((trials["status"] == "pruned").sum())
        text += (
            f"{write_list(words[:4])}, and {stopped:,} were stopped there by "
            f"{searched.settings.scheduler.name} (triangles)"
        )
    else:
        text += "no rule stops them early"
    last = int(counts.index[-1])
    text += (
        f". The median goes from {counts['middle'].iloc[0]:.3f} to "
        f"{counts['middle'].iloc[-1]:.3f} at epoch {last}, of those that got there; the band "
        "holds the middle 80 % at each epoch."
    )
    if drawn < trained:
        text += (
            f" Drawn are {drawn:,} curves of more than one epoch: the best (thick), and an even "
            "sample."
        )
    return text
