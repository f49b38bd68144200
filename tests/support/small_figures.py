"""Two small figures for tests of the report: points in two colours, and bars side by side."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from dashboards.figures import Figure
from dashboards.figures.inline import write_inline
from dashboards.searched import Searched


def draw_points(campaigns: Sequence[Searched]) -> Figure:
    """Top-1 against trial, of all campaigns; cells may hold commas, quotes and ends of lines."""
    columns = ["trial", "top1", "cell", "status"]
    frames = [one.trials[columns].assign(campaign=one.name) for one in campaigns]
    frame = pd.concat(frames, ignore_index=True).dropna(subset=["top1"])
    frame["cell"] = [f'a "{cell}", {place}\nb' for place, cell in enumerate(frame["cell"])]
    chart = (
        alt.Chart(write_inline(frame))
        .mark_point()
        .encode(x="trial:Q", y="top1:Q", color="status:N", tooltip="cell:N")
        .properties(width=300, height=150)
    )
    return Figure(
        name="points",
        title="Points & <b>trials</b>",
        text="A point a trial.",
        chart=chart,
        frame=frame,
    )


def draw_bars(campaigns: Sequence[Searched]) -> Figure | None:
    """How many trials there are of each status. None of several campaigns."""
    if len(campaigns) > 1:
        return None
    frame = campaigns[0].trials["status"].value_counts().rename_axis("status").reset_index()
    bars = alt.Chart(frame).mark_bar().encode(x="status:N", y="count:Q")
    return Figure(
        name="bars",
        title="Bars",
        text="A bar a status.",
        chart=alt.hconcat(bars, bars),
        frame=frame,
    )
