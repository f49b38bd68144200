"""Which layer of a network the neurons of each area prefer."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten
from dashboards.neural import tabulate_shares
from workers.brains.panel import Panel

WIDTH, BAR, ACROSS = 150, 13, 3
LONGEST = 22
"""Letters of a layer's name."""


def draw_neural_layers(panel: Panel) -> Figure | None:
    """The share of an area's neurons that prefer each layer: a row a model, a panel an area.

    None of networks of one layer, and of one split, on which no layer was chosen.
    """
    table = tabulate_shares(panel)
    several = table.groupby("model")["layer"].nunique().max() if len(table) else 0
    if several < 2 or table["share"].isna().all():
        return None
    rows = [
        _draw_model(of_model, str(model))
        for model, of_model in table.groupby("model", sort=False)
        if of_model["layer"].nunique() > 1
    ]
    return Figure(
        name="neural-layers",
        title="Preferred layers",
        text=_describe(table),
        chart=alt.vconcat(*rows, spacing=16),
        frame=table,
    )


def _draw_model(table: pd.DataFrame, model: str) -> alt.ConcatChart:
    layers = list(dict.fromkeys(table["layer"]))
    names = {layer: shorten(str(layer), LONGEST) for layer in layers}
    panels = [
        _draw_area(
            of_area.assign(name=of_area["layer"].map(names)), list(names.values())
        ).properties(
            width=WIDTH,
            height=BAR * len(layers),
            title=alt.TitleParams(
                shorten(str(area), LONGEST),
                subtitle=f"{model}, {int(of_area['of'].max()):,} neurons",
            ),
        )
        for area, of_area in table.groupby("area", sort=False)
    ]
    return alt.concat(*panels, columns=ACROSS, spacing={"column": 14, "row": 12})


def _draw_area(table: pd.DataFrame, names: list[str]) -> Any:
    base = alt.Chart(write_inline(table[["name", "share", "low", "high"]])).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=100))
    )
    scale = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X(
        "share:Q", title="share of neurons", scale=scale, axis=alt.Axis(format=".0%", tickCount=3)
    )
    return alt.layer(
        base.mark_bar(style="bar", height=8).encode(x=x),
        base.mark_rule(style="interval").encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
    )


def _describe(table: pd.DataFrame) -> str:
    sentences = [
        "The layer that predicts a neuron best, chosen on one half of the splits, as shares of "
        "the neurons that prefer any; the rules are 95 % intervals (Wilson's)."
    ]
    for (model, area), of_area in table.groupby(["model", "area"], sort=False):
        shares = of_area["share"].to_numpy(float)
        if np.isnan(shares).all():
            sentences.append(f"{model}: no neuron of {area} prefers a layer.")
            continue
        most = of_area.iloc[int(np.nanargmax(shares))]
        sentences.append(
            f"{model}: {most['layer']} for {most['share']:.0%} ({most['low']:.0%} to "
            f"{most['high']:.0%}) of {int(most['of']):,} neurons of {area}."
        )
    return " ".join(sentences)
