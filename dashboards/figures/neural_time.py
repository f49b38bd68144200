"""How well networks predict neurons over time, area by area, under the highest score possible."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, write_count, write_list
from dashboards.neural import tabulate_times
from workers.brains.panel import Panel

WIDTHS, HEIGHT = (360, 215, 135), 150
"""Widths of a panel where there are one, two and more in a row."""
ACROSS = 3
LONGEST = 24
"""Letters of a name in the legend."""


def draw_neural_time(panel: Panel) -> Figure | None:
    """The median correlation over neurons against time, a panel an area and a line a model.

    None for a recording without time, and of one split, on which no layer was chosen.
    """
    table = tabulate_times(panel)
    if len(panel.edges) < 2 or table["score"].isna().all():
        return None
    names = [shorten(one.name, LONGEST) for one in panel.models]
    shown = table.assign(
        model=[shorten(str(one), LONGEST) for one in table["model"]],
        kind=["control" if one else "model" for one in table["control"]],
    )
    areas = list(dict.fromkeys(table["area"]))
    width = WIDTHS[min(len(areas), ACROSS) - 1]
    numbers = shown[["low", "high", "score", "highest_low", "highest_high"]]
    domain = _bound(numbers)
    panels = [
        _draw_area(shown[shown["area"] == area], names, domain, first=place == 0).properties(
            width=width, height=HEIGHT, title=shorten(str(area), LONGEST)
        )
        for place, area in enumerate(areas)
    ]
    return Figure(
        name="neural-time",
        title="Neurons predicted over time",
        text=_describe(panel, table),
        chart=alt.concat(*panels, columns=ACROSS, spacing={"column": 16, "row": 20}),
        frame=table,
    )


def _bound(numbers: pd.DataFrame) -> list[float]:
    """The domain of all panels: from 0, or below if a score is, to the highest."""
    values = numbers.to_numpy(float)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.04 * (max(high, 0.0) - min(low, 0.0))
    return [min(0.0, round(low - room, 3)), min(1.0, round(high + room, 3))]


def _draw_area(table: pd.DataFrame, names: list[str], domain: list[float], *, first: bool) -> Any:
    ends = [float(table["start"].min()), float(table["end"].max())]
    x = alt.X(
        "middle:Q",
        title="ms from image onset",
        scale=alt.Scale(domain=ends, nice=False),
        axis=alt.Axis(tickCount=5),
    )
    scale = alt.Scale(domain=domain, nice=False)
    title = "correlation, median over neurons" if first else None
    y = alt.Y("score:Q", title=title, scale=scale)
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", columns=4, labelLimit=150)
    colour = alt.Color(
        "model:N", sort=names, scale=alt.Scale(domain=names, range="category"), legend=legend
    )
    dash = alt.StrokeDash(
        "kind:N",
        scale=alt.Scale(domain=["model", "control"], range=[[1, 0], [3, 2]]),
        legend=None,
    )
    highest = table.dropna(subset=["highest"]).drop_duplicates("bin")
    bound = alt.Chart(
        write_inline(highest[["middle", "highest", "highest_low", "highest_high"]])
    ).encode(x=x)
    lines = alt.Chart(
        write_inline(table[["model", "kind", "middle", "score", "low", "high"]])
    ).encode(x=x, color=colour)
    zero = alt.Chart(write_inline(pd.DataFrame({"score": [0.0]})))
    return alt.layer(
        bound.mark_area(style="missing", opacity=0.7).encode(
            y=alt.Y("highest_low:Q", title=title, scale=scale), y2="highest_high:Q"
        ),
        bound.mark_line(style="chance").encode(y=alt.Y("highest:Q", title=title, scale=scale)),
        zero.mark_rule(style="zero").encode(y=y),
        lines.mark_rule(strokeWidth=0.7, opacity=0.7).encode(
            y=alt.Y("low:Q", title=title, scale=scale), y2="high:Q"
        ),
        lines.mark_line(strokeWidth=1.3).encode(y=y, strokeDash=dash),
        lines.mark_point(filled=True, size=7, opacity=1).encode(y=y),
    )


def _describe(panel: Panel, table: pd.DataFrame) -> str:
    splits = int(table["splits"].max())
    sentences = [
        "Each line is the layer that the area prefers, chosen on other splits than those of its "
        f"score: the median over neurons, mean and standard error over {splits} splits; controls "
        "are dashed. The grey band is the root of the area's consistency with its error, the "
        "correlation that a model without fault would have."
    ]
    chosen = table.drop_duplicates(["model", "area"])
    for model, of_model in chosen.groupby("model", sort=False):
        words = [f"{row['layer']} for {row['area']}" for row in of_model.to_dict("records")]
        sentences.append(f"{model}: {write_list(words)}.")
    timed = [one for one in panel.models if one.time is not None]
    for one in timed:
        assert one.time is not None
        how = "given"
        if one.time_fit is not None:
            how = f"fitted on {write_count(one.time_fit.stimuli, 'stimulus', 'stimuli')} held in"
        sentences.append(
            f"A step of {one.name} is {one.time.milliseconds:g} ms from {one.time.offset:g} ms on "
            f"({how})."
        )
    whole = [one for one in panel.comparisons if one.bin is None]
    sentences += [f"{one.describe()}." for one in whole]
    return " ".join(sentences)
