"""Two or more campaigns side by side: what they reached, and how good they were on the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from scipy import special  # type: ignore[import-untyped]

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.intervals import bound_mean
from dashboards.figures.labels import span, write_count, write_list
from dashboards.figures.outcomes import keep_full, number_samples
from dashboards.figures.panels import name_apart
from dashboards.figures.progress import trace_best, window_of
from dashboards.searched import Searched
from workers.shares import LEVEL

WIDTH, HEIGHT = 420, 165
POINTS = 240
"""Places of a campaign's lines."""


def draw_compare(campaigns: Sequence[Searched]) -> Figure | None:
    """Best so far and running mean of several campaigns. None of one, or of no full training.

    Scores stand in one panel if they are of the same images, split and epochs, else in panels
    below each other.
    """
    names = name_apart(campaigns)
    groups: dict[str, list[Searched]] = {}
    for one in campaigns:
        if len(keep_full(one.sampled, one)):
            groups.setdefault(describe_scores(one), []).append(one)
    if len(campaigns) < 2 or not groups:
        return None
    titles = _title_groups(groups)
    tables = {title: _trace_all(groups[key], names) for key, title in titles.items()}
    colours = [names[one.id] for one in campaigns]
    panels = [
        _draw_panel(table, title if len(tables) > 1 else None, colours)
        for title, table in tables.items()
    ]
    frame = pd.concat(
        [table.assign(scores=title) for title, table in tables.items()], ignore_index=True
    )
    without = [names[one.id] for one in campaigns if not len(keep_full(one.sampled, one))]
    return Figure(
        name="compare",
        title="Campaigns side by side",
        text=_describe(list(groups.values()), names, without),
        chart=alt.vconcat(*panels, spacing=16),
        frame=frame,
    )


def describe_scores(searched: Searched) -> str:
    """What scores of a full training are of. Those of two campaigns compare if it is the same."""
    data = searched.settings.data.model_dump(mode="json")
    facts = {
        "data": searched.data.get("checksum") or data,
        "split": sorted(set(searched.trials["split"].dropna())),
        "epochs": searched.full_epochs,
    }
    return json.dumps(facts, sort_keys=True)


def _title_groups(groups: dict[str, list[Searched]]) -> dict[str, str]:
    """A short title for each kind of scores; numbered where two would read the same."""
    titles: dict[str, str] = {}
    for key, members in groups.items():
        one = members[0]
        split = write_list(sorted(set(one.trials["split"].dropna())))
        title = f"{one.settings.data.name}, {split}, {write_count(one.full_epochs, 'epoch')}"
        same = sum(known.partition(" #")[0] == title for known in titles.values())
        titles[key] = f"{title} #{same + 1}" if same else title
    return titles


def choose_window(members: Sequence[Searched]) -> int:
    """Over how many full trainings the running means go: the same for all that are compared."""
    return min(window_of(len(keep_full(one.sampled, one))) for one in members)


def _trace_all(members: Sequence[Searched], names: dict[str, str]) -> pd.DataFrame:
    window = choose_window(members)
    traced: pd.DataFrame = pd.concat(
        [_trace(one, names[one.id], window) for one in members], ignore_index=True
    )
    return traced


def _trace(searched: Searched, name: str, window: int) -> pd.DataFrame:
    """Rows `campaign`, `sample`, `best`, and the running `mean` with Student's interval."""
    frame = number_samples(searched, controls=False)
    full = trace_best(keep_full(frame, searched), window)
    spread = full["top1"].rolling(window, min_periods=window).std(ddof=1)
    half = special.stdtrit(window - 1, 0.5 + LEVEL / 2) * spread / np.sqrt(window)
    table = full[["sample", "best", "mean"]].assign(
        low=full["mean"] - half, high=full["mean"] + half, campaign=name
    )
    end = table.tail(1).assign(sample=int(frame["sample"].max()))
    table = pd.concat([table, end], ignore_index=True).drop_duplicates("sample")
    columns = ["campaign", "sample", "best", "mean", "low", "high"]
    traced: pd.DataFrame = table[columns]
    return traced


def _thin(table: pd.DataFrame) -> pd.DataFrame:
    """Every so manieth row of each campaign, and all where the best grows."""
    parts: list[pd.DataFrame] = []
    for _, rows in table.groupby("campaign", sort=False):
        places = np.arange(len(rows)) % max(1, len(rows) // POINTS) == 0
        grows = rows["best"].diff().ne(0).to_numpy(bool)
        places |= grows
        places[-1] = True
        parts.append(rows[places])
    thinned: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return thinned


def _draw_panel(table: pd.DataFrame, title: str | None, colours: Sequence[str]) -> Any:
    domain = span([*table["best"], *table["low"].dropna(), *table["high"].dropna()])
    x = alt.X(
        "sample:Q",
        title="sample number",
        scale=alt.Scale(domain=[0, int(table["sample"].max())], nice=False),
    )
    y = partial(alt.Y, title="top-1", scale=alt.Scale(domain=list(domain), nice=False))
    colour = alt.Color(
        "campaign:N",
        scale=alt.Scale(domain=list(colours), range="category"),
        legend=alt.Legend(
            title=None, orient="top", symbolType="stroke", symbolStrokeWidth=2, symbolOpacity=1
        ),
    )
    data = write_inline(_thin(table), {"sample": 7})
    base = alt.Chart(data).encode(x=x, color=colour)
    running = base.transform_filter("isValid(datum.mean)")
    layers = alt.layer(
        running.mark_area(opacity=0.16).encode(y=y("low:Q"), y2="high:Q"),
        running.mark_line(strokeWidth=0.9, strokeDash=[3, 2]).encode(y=y("mean:Q")),
        base.mark_line(strokeWidth=1.6, interpolate="step-after").encode(y=y("best:Q")),
    )
    panel = layers.properties(width=WIDTH, height=HEIGHT)
    return panel.properties(title=title) if title else panel


def _describe(
    groups: Sequence[Sequence[Searched]], names: dict[str, str], without: Sequence[str]
) -> str:
    sentences = []
    for members in groups:
        words = []
        for one in members:
            full = keep_full(one.sampled, one)
            mean = bound_mean(full["top1"].to_numpy(float))
            bounds = "" if np.isnan(mean.low) else f" ({mean.low:.3f} to {mean.high:.3f})"
            samples = write_count(len(one.sampled), "sample")
            words.append(
                f"{names[one.id]} ({one.settings.sampler.name}, space {one.space.name}) reaches "
                f"{full['top1'].max():.3f} in {samples}, and its "
                f"{write_count(len(full), 'full training')} {mean.value:.3f}{bounds} on average"
            )
        sentences.append(f"{'; '.join(words)}.")
    text = " ".join(sentences)
    if len(groups) > 1:
        text += (
            " Panels apart are of other images, another split or other epochs: their scores do "
            "not compare."
        )
    windows = write_list(list(dict.fromkeys(str(choose_window(members)) for members in groups)))
    text += (
        " Thick: best so far, of one search each, so without an interval. Dashed: mean of the "
        f"last {windows} full trainings with Student's 95 % interval, as if they were independent."
    )
    if without:
        text += f" Without a full training: {write_list(without)}."
    return text
