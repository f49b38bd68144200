"""Accuracy against time step, of the best cells and of the controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, space_out, span, write_count, write_list
from dashboards.figures.outcomes import (
    MOST,
    collect_references,
    guess_level,
    keep_full,
    name_scores,
)
from dashboards.figures.panels import stack_panels
from dashboards.searched import Searched

WIDTH, HEIGHT = 330, 165
CELLS = 5
"""So many of the best cells are shown."""
CONTROLS = 6
LABEL = 8.0


def draw_steps(campaigns: Sequence[Searched]) -> Figure | None:
    """Accuracy by time step, one panel a campaign. None where no reports say it."""
    return stack_panels(campaigns, _draw_one, MOST)


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    table = _tabulate(searched)
    if table.empty:
        return None
    guess = guess_level(searched)
    known = [] if guess is None else [guess]
    domain = span([*table["low"], *table["high"], *known])
    last = int(table["step"].max())
    x = alt.X(
        "step:Q",
        title="time step",
        scale=alt.Scale(domain=[int(table["step"].min()), max(1, last)], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d"),
    )
    scale = alt.Scale(domain=list(domain), nice=False)
    y = alt.Y("accuracy:Q", title=name_scores(searched), scale=scale)
    base = alt.Chart(write_inline(table)).encode(x=x, detail="name:N")
    controls = base.transform_filter("datum.kind == 'control'")
    layers: list[alt.Chart] = [
        controls.mark_area(style="controls").encode(
            y=alt.Y("low:Q", title=name_scores(searched), scale=scale), y2="high:Q"
        ),
        controls.mark_line(style="control").encode(y=y),
        base.transform_filter("datum.kind == 'cell'").mark_line(style="everyone").encode(y=y),
        base.transform_filter("datum.kind == 'best'").mark_line(style="best").encode(y=y),
    ]
    if guess is not None:
        level = alt.Chart(write_inline(pd.DataFrame({"accuracy": [guess], "name": ["chance"]})))
        layers.append(level.mark_rule(style="chance").encode(y=y))
    layers.append(_draw_names(table, guess, domain, scale))
    return Figure(
        name="steps",
        title="Accuracy over time",
        text=_describe(searched, table, guess),
        chart=alt.layer(*layers).properties(width=WIDTH, height=HEIGHT),
        frame=table,
    )


def _tabulate(searched: Searched) -> pd.DataFrame:
    """Rows `name`, `kind`, `step`, `accuracy` (a mean over `seeds`), `low` and `high`."""
    steps = searched.steps.dropna(subset=["accuracy"])
    full = keep_full(searched.suggested, searched)
    best = full.sort_values(["top1", "trial"], ascending=[False, True]).head(CELLS)
    groups: list[tuple[str, str, tuple[int, ...]]] = [
        (f"trial {trial}", "best" if place == 0 else "cell", (int(trial),))
        for place, trial in enumerate(best["trial"])
    ]
    groups += [
        (one.name, "control", one.trials) for one in collect_references(searched)[:CONTROLS]
    ]
    tables = []
    for name, kind, trials in groups:
        of_group = steps[steps["trial"].isin(trials)].groupby("step")["accuracy"]
        table = of_group.agg(accuracy="mean", low="min", high="max", seeds="count").reset_index()
        tables.append(table.assign(name=name, kind=kind))
    columns = ["name", "kind", "step", "accuracy", "low", "high", "seeds"]
    if not any(len(table) for table in tables):
        return pd.DataFrame(columns=columns)
    return pd.concat(tables, ignore_index=True)[columns]


def _draw_names(
    table: pd.DataFrame, guess: float | None, domain: tuple[float, float], scale: alt.Scale
) -> alt.Chart:
    """The lines' names at their ends; of the cells after the best, one for all."""
    ends = table.groupby("name", sort=False).last().reset_index()
    rest = ends[ends["kind"] == "cell"]
    rows: list[dict[str, Any]] = [
        {"name": shorten(str(one["name"]), 28), "at": float(one["accuracy"])}
        for one in ends[ends["kind"] != "cell"].to_dict("records")
    ]
    if len(rows) and ends["kind"].iloc[0] == "best":
        rows[0]["name"] = f"best: {rows[0]['name']}"
    if len(rest):
        rows.append({"name": f"next {len(rest)}", "at": float(rest["accuracy"].mean())})
    if guess is not None:
        rows.append({"name": "chance", "at": guess})
    apart = (domain[1] - domain[0]) * LABEL / HEIGHT
    places = space_out([float(row["at"]) for row in rows], apart, *domain)
    names = pd.DataFrame(rows).assign(place=places)[["name", "place"]]
    chart: alt.Chart = (
        alt.Chart(write_inline(names))
        .mark_text(style="quiet", align="left", baseline="middle", dx=5)
        .encode(x=alt.value(WIDTH), y=alt.Y("place:Q", scale=scale), text="name:N")
    )
    return chart


def _describe(searched: Searched, table: pd.DataFrame, guess: float | None) -> str:
    sentences = []
    best = table[table["kind"] == "best"]
    if len(best):
        last = float(best["accuracy"].iloc[-1])
        start = guess if guess is not None else float(best["accuracy"].min())
        half = start + (last - start) / 2
        step = int(best["step"].to_numpy()[int(np.argmax(best["accuracy"].to_numpy() >= half))])
        others = int(table.loc[table["kind"] == "cell", "name"].nunique())
        sentences.append(
            f"The best cell ({best['name'].iloc[0]}) is at {last:.3f} at its last step, "
            f"{int(best['step'].iloc[-1])}, and half way there from step {step} on"
            + (f"; beside it the next {write_count(others, 'cell')} (dashed)." if others else ".")
        )
    controls = table[table["kind"] == "control"].groupby("name", sort=False)["accuracy"].last()
    words = [f"{name} {value:.3f}" for name, value in controls.items()]
    if words:
        shown = write_list(words[:4])
        sentences.append(f"Controls at their last step, mean over seeds (band: range): {shown}.")
    if guess is not None:
        sentences.append(f"A constant answer scores {guess:.3f}.")
    sentences.append(f"All ran {write_count(searched.full_epochs, 'epoch')}.")
    return " ".join(sentences)
