"""How the search went: every trial's score against its sample number, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.boxes import COLUMNS, count_boxes, draw_boxes
from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import space_out, span, write_count, write_list
from dashboards.figures.outcomes import (
    MOST,
    collect_references,
    guess_level,
    keep_full,
    name_scores,
    number_samples,
)
from dashboards.figures.panels import stack_panels
from dashboards.searched import Searched

WIDTH, HEIGHT = 385, 180
LABEL = 8.0
"""Points of height that a label takes."""
SHAPES = {"trained to the end": "circle", "stopped early": "triangle-down"}
LOST = {"failed": "cross", "infeasible": "stroke"}


def draw_progress(campaigns: Sequence[Searched]) -> Figure | None:
    """Top-1 against sample number, one panel a campaign. None before there is any trial."""
    return stack_panels(campaigns, _draw_one, MOST)


def window_of(full: int) -> int:
    """Over how many full trainings the running mean goes: a tenth of them, in 10..50."""
    return min(50, max(10, full // 10))


def trace_best(full: pd.DataFrame, window: int | None = None) -> pd.DataFrame:
    """Columns `best` and `mean` of full trainings in their order: of all so far, and running."""
    window = window or window_of(len(full))
    mean = full["top1"].rolling(window, min_periods=window).mean()
    return full.assign(best=full["top1"].cummax(), mean=mean)


def _draw_one(searched: Searched, most: int) -> Figure | None:
    frame = number_samples(searched)
    if frame.empty:
        return None
    full = trace_best(keep_full(frame, searched))
    early = frame[(frame["status"] == "pruned") & frame["top1"].notna()]
    lost = frame[frame["status"].isin(LOST)]
    binned = len(full) + len(early) > most
    levels = _place_levels(searched, full)
    scores = [*full["top1"], *early["top1"], *(levels["low"]), *(levels["high"])]
    domain = span([float(one) for one in scores])
    last = int(frame["sample"].max())
    x = partial(
        alt.X,
        title=None,
        axis=alt.Axis(labels=False),
        scale=alt.Scale(domain=[0, last], nice=False),
    )
    y = partial(
        alt.Y, title=name_scores(searched), scale=alt.Scale(domain=list(domain), nice=False)
    )
    layers = [
        *_draw_points(full, early, x, y, binned),
        *_draw_levels(levels, y, domain),
        *_draw_lines(full, x, y, last),
    ]
    main = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    below = partial(alt.X, title="sample number", scale=x.keywords["scale"])
    strip = _draw_lost(lost, below, last, binned or len(lost) > most)
    chart = alt.vconcat(main, strip, spacing=2).resolve_scale(x="shared", shape="independent")
    columns = ["sample", "trial", "status", "epochs", "top1"]
    shown = frame[columns].merge(full[["sample", "best", "mean"]], on="sample", how="left")
    shown["best"] = shown["best"].ffill()
    return Figure(
        name="progress",
        title="Best score against samples",
        text=_describe(searched, frame, full, early, lost, levels, binned),
        chart=chart,
        frame=shown.rename(columns={"best": "best_so_far", "mean": "running_mean"}),
    )


def _place_levels(searched: Searched, full: pd.DataFrame) -> pd.DataFrame:
    """What the scores are held against: each control's mean and seeds, and the chance level."""
    rows = [
        {"label": f"{one.name} ×{one.seeds}", "y": one.mean, "low": one.low, "high": one.high}
        | {"kind": "control"}
        for one in collect_references(searched)
    ]
    guess = guess_level(searched)
    if guess is not None:
        rows.append({"label": "chance", "y": guess, "low": guess, "high": guess, "kind": "chance"})
    if len(full):
        top = float(full["best"].iloc[-1])
        rows.append({"label": f"best {top:.3f}", "y": top, "low": top, "high": top, "kind": ""})
        mean = full["mean"].dropna()
        if len(mean):
            value, words = float(mean.iloc[-1]), f"mean of {window_of(len(full))}"
            rows.append({"label": words, "y": value, "low": value, "high": value, "kind": ""})
    return pd.DataFrame(rows, columns=["label", "y", "low", "high", "kind"])


def _draw_levels(
    levels: pd.DataFrame, y: partial[alt.Y], domain: tuple[float, float]
) -> list[alt.Chart]:
    if levels.empty:
        return []
    apart = (domain[1] - domain[0]) * LABEL / HEIGHT
    places = space_out([float(one) for one in levels["y"]], apart, *domain)
    data = write_inline(levels.assign(place=places))
    controls = alt.Chart(data).transform_filter("datum.kind == 'control'")
    chance = alt.Chart(data).transform_filter("datum.kind == 'chance'")
    return [
        controls.mark_rect(style="controls").encode(y=y("low:Q"), y2="high:Q"),
        controls.mark_rule(style="control").encode(y=y("y:Q")),
        chance.mark_rule(style="chance").encode(y=y("y:Q")),
        alt.Chart(data)
        .mark_text(style="quiet", align="left", baseline="middle", dx=5)
        .encode(y=y("place:Q"), x=alt.value(WIDTH), text="label:N"),
    ]


def _draw_points(
    full: pd.DataFrame,
    early: pd.DataFrame,
    x: partial[alt.X],
    y: partial[alt.Y],
    binned: bool,
) -> list[alt.Chart]:
    """Full trainings over those with fewer epochs; counted in boxes where `binned`."""
    if binned:
        points = pd.concat([full, early])
        return [draw_boxes(count_boxes(points["sample"], points["top1"]), x("x:Q"), y("y:Q"))]
    words = list(SHAPES)
    points = pd.concat([early.assign(kind=words[1]), full.assign(kind=words[0])])
    shape = alt.Shape(
        "kind:N",
        scale=alt.Scale(domain=words, range=list(SHAPES.values())),
        legend=alt.Legend(title=None, orient="top", symbolFillColor="transparent"),
    )
    data = write_inline(points[["sample", "top1", "kind"]])
    base = alt.Chart(data).encode(x=x("sample:Q"), y=y("top1:Q"), shape=shape)
    return [
        base.transform_filter(f"datum.kind == '{words[1]}'").mark_point(style="pruned"),
        base.transform_filter(f"datum.kind == '{words[0]}'").mark_point(style="trial"),
    ]


def _draw_lines(
    full: pd.DataFrame, x: partial[alt.X], y: partial[alt.Y], last: int
) -> list[alt.Chart]:
    if full.empty:
        return []
    steps = full[full["best"].diff().ne(0)][["sample", "best"]]
    end = pd.DataFrame({"sample": [last], "best": [full["best"].iloc[-1]]})
    best = write_inline(pd.concat([steps, end], ignore_index=True), {"sample": 7})
    mean = full.dropna(subset=["mean"])
    some = mean.iloc[:: max(1, len(mean) // 400)]
    lines = [
        alt.Chart(best)
        .mark_line(style="best", interpolate="step-after")
        .encode(x=x("sample:Q"), y=y("best:Q"))
    ]
    if len(some):
        line = alt.Chart(write_inline(some[["sample", "mean"]])).mark_line(style="mean")
        lines.insert(0, line.encode(x=x("sample:Q"), y=y("mean:Q")))
    return lines


def _draw_lost(lost: pd.DataFrame, x: partial[alt.X], last: int, binned: bool) -> alt.Chart:
    """The strip of what has no score; empty lanes too, so that none lost is seen as none lost."""
    words = list(LOST)
    y = alt.Y("status:N", title=None, scale=alt.Scale(domain=words))
    if binned:
        wide = max(1.0, last / COLUMNS)
        box = np.floor((lost["sample"] - 1) / wide)
        boxes = lost.assign(x=box * wide, x2=(box + 1) * wide).groupby(["x", "x2", "status"])
        counted = boxes.size().rename("trials").reset_index()
        rows: alt.Chart = alt.Chart(write_inline(counted, {"x": 6, "x2": 6})).mark_rect()
        colour = alt.Color("trials:Q", scale=alt.Scale(type="log", range="ramp"))
        strip: alt.Chart = rows.encode(x=x("x:Q"), x2="x2", y=y, color=colour)
    else:
        shape = alt.Shape(
            "status:N", scale=alt.Scale(domain=words, range=list(LOST.values())), legend=None
        )
        points: alt.Chart = alt.Chart(write_inline(lost[["sample", "status"]]))
        strip = points.mark_point(style="lost").encode(x=x("sample:Q"), y=y, shape=shape)
    sized: alt.Chart = strip.properties(width=WIDTH, height=22)
    return sized


def _describe(
    searched: Searched,
    frame: pd.DataFrame,
    full: pd.DataFrame,
    early: pd.DataFrame,
    lost: pd.DataFrame,
    levels: pd.DataFrame,
    binned: bool,
) -> str:
    samples = write_count(len(frame), "sample")
    if full.empty:
        first = f"None of {samples} was trained to the end yet."
    else:
        place = int(full["sample"].iloc[int(full["top1"].argmax())])
        first = (
            f"The best of {samples} reaches {full['top1'].max():.3f} (sample {place:,}); "
            f"{write_count(len(full), 'training')} ran all {searched.full_epochs} epochs"
        )
        if full["mean"].notna().any():
            start, end = (float(full["mean"].dropna().iloc[place]) for place in (0, -1))
            first += (
                f", and the running mean of {window_of(len(full))} of them went from "
                f"{start:.3f} to {end:.3f}"
            )
        first += "."
    counts = lost["status"].value_counts()
    apart = [
        f"{len(early):,} stopped early (scores of fewer epochs, not to be compared)",
        f"{int(counts.get('failed', 0)):,} failed",
        f"{int(counts.get('infeasible', 0)):,} infeasible",
    ]
    against = [
        f"{row.label} at {row.y:.3f}" for row in levels.itertuples() if row.kind in _AGAINST
    ]
    text = f"{first} Shown apart: {write_list(apart)}."
    if against:
        text += f" Lines: {write_list(against[:4])}"
        text += f" and {len(against) - 4} more." if len(against) > 4 else "."
        if "control" in set(levels["kind"]):
            text += " A control's band spans its seeds (×)."
    if binned:
        text += " Points are counted in boxes."
    return text


_AGAINST = ("control", "chance")
