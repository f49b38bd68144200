"""How the score of the stimuli that were held in depends on how steps are taken for time."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, write_count
from dashboards.neural import tabulate_fits
from workers.brains.panel import Panel

WIDTH, HEIGHT, ACROSS = 150, 110, 3
LONGEST = 24
"""Letters of a model's name."""


def draw_neural_fit(panel: Panel) -> Figure | None:
    """Every time that was tried, a panel a model, a line a length of step. None without a fit."""
    table = tabulate_fits(panel)
    if table.empty:
        return None
    lengths = [f"{one:g} ms" for one in sorted(table["milliseconds"].unique())]
    scale = alt.Scale(domain=_bound(table), nice=False)
    panels = [
        _draw_model(of_model, lengths, scale).properties(
            width=WIDTH, height=HEIGHT, title=shorten(str(model), LONGEST)
        )
        for model, of_model in table.groupby("model", sort=False)
    ]
    return Figure(
        name="neural-fit",
        title="Times that were tried",
        text=_describe(table),
        chart=alt.concat(*panels, columns=ACROSS, spacing={"column": 16, "row": 20}),
        frame=table,
    )


def _bound(table: pd.DataFrame) -> list[float]:
    low, high = min(0.0, float(table["score"].min())), float(table["score"].max())
    room = 0.05 * ((high - low) or 1.0)
    return [low if low == 0 else round(low - room, 3), min(1.0, round(high + room, 3))]


def _draw_model(table: pd.DataFrame, lengths: list[str], scale: alt.Scale) -> Any:
    shown = table.assign(length=[f"{one:g} ms" for one in table["milliseconds"]])
    base = alt.Chart(write_inline(shown[["length", "offset", "score"]])).encode(
        x=alt.X("offset:Q", title="ms from image onset to step 0", axis=alt.Axis(tickCount=5)),
        y=alt.Y("score:Q", title="score of what is held in", scale=scale),
        color=alt.Color(
            "length:N",
            sort=lengths,
            scale=alt.Scale(domain=lengths, range="category"),
            legend=alt.Legend(title="a step", orient="top", symbolType="stroke"),
        ),
    )
    chosen = alt.Chart(write_inline(shown.loc[shown["chosen"], ["offset", "score"]]))
    return alt.layer(
        base.mark_line(strokeWidth=1.1),
        base.mark_point(filled=True, size=7, opacity=1),
        chosen.mark_point(style="far", size=55).encode(
            x="offset:Q", y=alt.Y("score:Q", scale=scale)
        ),
    )


def _describe(table: pd.DataFrame) -> str:
    sentences = [
        "The mean over areas of the best layer's score against the offset, on stimuli that are "
        "not scored; a time bin that no step covers counts 0. The ring is what was chosen."
    ]
    for model, of_model in table.groupby("model", sort=False):
        (best,) = of_model[of_model["chosen"]].to_dict("records")
        worst, held = of_model["score"].min(), int(best["stimuli"])
        sentences.append(
            f"{model}: {best['milliseconds']:g} ms a step from {best['offset']:g} ms on, score "
            f"{best['score']:.3f}, of {len(of_model)} tried, the worst {worst:.3f} "
            f"({write_count(held, 'stimulus', 'stimuli')})."
        )
    return " ".join(sentences)
