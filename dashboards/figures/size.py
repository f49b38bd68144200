"""How top-1 goes with the size of a network: its parameters and its multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.boxes import count_boxes, draw_boxes
from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, space_out, span, write_count, write_list
from dashboards.figures.outcomes import (
    MOST,
    Reference,
    collect_references,
    keep_full,
    name_scores,
    number_samples,
)
from dashboards.figures.panels import stack_panels
from dashboards.searched import Searched

WIDTH, HEIGHT = 212, 165
WIDE = 8.0
"""Sizes that differ by more than this are shown by their logarithm."""
LABEL = 8.0
"""Points of height that a label takes."""
LABELLED = 8
"""Up to so many controls have their names beside them."""
FAMILIES = ("control", "wider", "deeper", "matched")
SHAPES = ("circle", "diamond", "square", "triangle-up", "triangle-right", "cross", "triangle-left")

Size = Literal["parameters", "macs"]
SIZES: dict[Size, str] = {"parameters": "parameters", "macs": "multiply-adds an image"}


def draw_size(campaigns: Sequence[Searched]) -> Figure | None:
    """Size against top-1 of full trainings, one row a campaign. None before there is any."""
    return stack_panels(campaigns, _draw_one, MOST // 2)


def find_front(sizes: Sequence[float], scores: Sequence[float]) -> list[int]:
    """The places of those that none beats with as few or fewer, the smallest first.

    One beats another if it is no larger, scores no less, and is better in one of the two.
    """
    order = sorted(range(len(sizes)), key=lambda one: (sizes[one], -scores[one]))
    front: list[int] = []
    best = -np.inf
    for place in order:
        equal = front and (sizes[place], scores[place]) == (sizes[front[-1]], scores[front[-1]])
        if scores[place] > best or equal:
            front.append(place)
            best = scores[place]
    return front


def _draw_one(searched: Searched, most: int) -> Figure | None:
    full = keep_full(number_samples(searched), searched)
    full = full.dropna(subset=list(SIZES))
    references = [
        one
        for one in collect_references(searched)
        if one.parameters is not None and one.macs is not None
    ]
    if full.empty and not references:
        return None
    table = _tabulate(full, references)
    domain = span([*table["top1"], *table["low"].dropna(), *table["high"].dropna()])
    y = partial(alt.Y, scale=alt.Scale(domain=list(domain), nice=False))
    panels = [
        _draw_panel(table, size, partial(y, title=title), most)
        for size, title in zip(SIZES, (name_scores(searched), None), strict=True)
    ]
    return Figure(
        name="size",
        title="Size against top-1",
        text=_describe(searched, table, len(full) > most),
        chart=_separate(alt.hconcat(*panels, spacing=10), len(full) > most),
        frame=table,
    )


def _tabulate(full: pd.DataFrame, references: Sequence[Reference]) -> pd.DataFrame:
    searched = full[["trial", "parameters", "macs", "top1"]].assign(
        kind="searched", name=None, seeds=1, low=np.nan, high=np.nan
    )
    for size in SIZES:
        front = find_front(full[size].astype(float).tolist(), full["top1"].tolist())
        searched[f"front_{size}"] = np.isin(np.arange(len(full)), front)
    controls = pd.DataFrame(
        [
            {
                "trial": one.trials[0],
                "parameters": one.parameters,
                "macs": one.macs,
                "top1": one.mean,
                "kind": one.family,
                "name": one.name,
                "seeds": one.seeds,
                "low": one.low,
                "high": one.high,
                **{f"front_{size}": False for size in SIZES},
            }
            for one in references
        ],
        columns=list(searched),
    ).astype({name: kind for name, kind in searched.dtypes.items() if name != "name"})
    parts = [part for part in (searched, controls) if len(part)]
    return pd.concat(parts, ignore_index=True)


def _draw_panel(table: pd.DataFrame, size: Size, y: partial[alt.Y], most: int) -> Any:
    table = table.assign(size=table[size].astype(float))
    low, high = float(table["size"].min()), float(table["size"].max())
    log = low > 0 and high / low > WIDE
    room = (0.85, 1.18) if log else (0.92, 1.06)
    scale = alt.Scale(
        type="log" if log else "linear", domain=[low * room[0], high * room[1]], nice=False
    )
    axis = alt.Axis(format="~s", tickCount=5)
    x = partial(alt.X, title=SIZES[size], scale=scale, axis=axis)
    searched = table[table["kind"] == "searched"]
    controls = table[table["kind"] != "searched"]
    layers: list[alt.Chart] = []
    binned = len(searched) > most
    if binned:
        boxes = count_boxes(searched["size"], searched["top1"], columns=60, rows=40, log=log)
        # Boxes have colours of their own: one panel has their legend, the other the controls'.
        layers.append(draw_boxes(boxes, x("x:Q"), y("y:Q"), legend=size == "macs"))
    elif len(searched):
        points = alt.Chart(write_inline(searched[["size", "top1"]], {"size": 5}))
        layers.append(points.mark_point(style="trial").encode(x=x("size:Q"), y=y("top1:Q")))
    front = searched[searched[f"front_{size}"]].sort_values(["size", "top1"])
    if len(front):
        end = pd.DataFrame({"size": [high * room[1]], "top1": [front["top1"].iloc[-1]]})
        steps = pd.concat([front[["size", "top1"]], end], ignore_index=True)
        line = alt.Chart(write_inline(steps, {"size": 5}))
        layers.append(
            line.mark_line(style="front", interpolate="step-after").encode(
                x=x("size:Q"), y=y("top1:Q")
            )
        )
    if len(controls):
        layers += _draw_controls(controls, x, y, legend=not binned or size == "parameters")
    panel = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    return _separate(panel, binned)


def _separate(chart: Any, binned: bool) -> Any:
    """A chart whose parts have colours of their own where boxes are shaded by theirs."""
    return chart.resolve_scale(color="independent", shape="independent") if binned else chart


def _draw_controls(
    controls: pd.DataFrame, x: partial[alt.X], y: partial[alt.Y], *, legend: bool
) -> list[alt.Chart]:
    there = set(controls["kind"])
    families = [one for one in FAMILIES if one in there] + sorted(there - set(FAMILIES))
    kinds = ["searched", *families]  # whose colour and shape are those of its points
    shown = alt.Legend(title=None, orient="top") if legend else None
    scale = alt.Scale(domain=kinds, range="category")
    shapes = [SHAPES[place % len(SHAPES)] for place in range(len(kinds))]
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=shapes), legend=shown)
    data = write_inline(controls[["size", "top1", "low", "high", "kind"]], {"size": 5})
    base = alt.Chart(data).encode(x=x("size:Q"))
    layers: list[alt.Chart] = [
        # By `stroke`: a second legend of `color`, left out here, would contradict the points'.
        base.mark_rule(strokeWidth=1).encode(
            y=y("low:Q"), y2="high:Q", stroke=alt.Stroke("kind:N", scale=scale, legend=None)
        ),
        base.mark_point(filled=True, size=32, opacity=1).encode(
            y=y("top1:Q"), shape=shape, color=alt.Color("kind:N", scale=scale, legend=shown)
        ),
    ]
    if len(controls) <= LABELLED:
        layers += _draw_names(controls, x, y)
    return layers


def _draw_names(controls: pd.DataFrame, x: partial[alt.X], y: partial[alt.Y]) -> list[alt.Chart]:
    """The names of controls towards the middle of the panel, none over another."""
    bounds: list[float] = x.keywords["scale"].domain
    low, high = y.keywords["scale"].domain
    middle = float(np.sqrt(bounds[0] * bounds[1])) if bounds[0] > 0 else sum(bounds) / 2
    layers: list[alt.Chart] = []
    sides: tuple[tuple[pd.DataFrame, Literal["left", "right"], int], ...] = (
        (controls[controls["size"] <= middle], "left", 5),
        (controls[controls["size"] > middle], "right", -5),
    )
    for side, align, dx in sides:
        if side.empty:
            continue
        apart = (high - low) * LABEL / HEIGHT
        places = space_out(side["top1"].tolist(), apart, low, high)
        words = [shorten(str(name), 22) for name in side["name"]]
        names = side[["size"]].assign(place=places, name=words)
        layers.append(
            alt.Chart(write_inline(names, {"size": 5}))
            .mark_text(style="label", align=align, dx=dx, baseline="middle")
            .encode(x=x("size:Q"), y=y("place:Q"), text="name:N")
        )
    return layers


def _describe(searched: Searched, table: pd.DataFrame, binned: bool) -> str:
    cells = table[table["kind"] == "searched"]
    controls = table[table["kind"] != "searched"]
    sentences = []
    if len(cells):
        best = cells.iloc[int(cells["top1"].argmax())]
        front = int(cells["front_parameters"].sum())
        sentences.append(
            f"Of {write_count(len(cells), 'searched network')} that ran all "
            f"{searched.full_epochs} epochs, the best has {int(best['parameters']):,} parameters "
            f"and {int(best['macs']):,} multiply-adds an image at {best['top1']:.3f}; "
            f"{write_count(front, 'network lies', 'networks lie')} on the Pareto front of "
            "parameters and top-1 (line)."
        )
    if len(controls):
        words = [
            f"{row['name']} ({row['kind']}) {row['top1']:.3f} with {int(row['parameters']):,}"
            for row in controls.to_dict("records")
        ]
        more = f" and {len(words) - 4} more" if len(words) > 4 else ""
        sentences.append(
            f"Controls, mean and range over seeds: {write_list(words[:4])} parameters{more}."
        )
    else:
        sentences.append("No control was trained to the end.")
    if binned:
        sentences.append("Networks are counted in boxes.")
    return " ".join(sentences)
