"""Which motifs the best cells have, and how much each decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboards.divergence import BEST
from dashboards.figures.figure import Figure
from dashboards.figures.importance import ROW, draw_bars
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, write_count, write_list
from dashboards.figures.outcomes import MOST
from dashboards.figures.panels import stack_panels
from dashboards.importance import rank_motifs
from dashboards.searched import Searched

WIDTH = 160
SHOWN = 18
"""So many motifs are drawn; the table has all."""
AMONG = ("best", "all")


def draw_motifs(campaigns: Sequence[Searched]) -> Figure | None:
    """The most important motifs, one row a campaign. None where none is known or all agree."""
    return stack_panels(campaigns, _draw_one, MOST)


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    if "motifs" not in searched.trials:
        return None
    ranked = rank_motifs(searched)
    if not ranked:
        return None
    table = pd.DataFrame([vars(one) for one in ranked])
    shown = table.head(SHOWN).assign(name=[shorten(one, 36) for one in table["motif"].head(SHOWN)])
    bars = draw_bars(shown, "importance", "part of the importance of all motifs", labels=False)
    return Figure(
        name="motifs",
        title="Motifs of the best cells",
        text=_describe(table),
        chart=alt.hconcat(_draw_shares(shown), bars.properties(width=WIDTH), spacing=12),
        frame=table,
    )


def _draw_shares(shown: pd.DataFrame) -> Any:
    """The share among all, and the way from it to that among the best."""
    y = alt.Y(
        "name:N",
        title=None,
        sort=list(shown["name"]),
        axis=alt.Axis(ticks=False, domain=False, grid=True, gridOpacity=0.25),
    )
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
    data = write_inline(shown[["name", "share_best", "share_all"]])
    base = alt.Chart(data).encode(y=y)
    colour = alt.Color(
        "among:N",
        scale=alt.Scale(domain=list(AMONG), range="category"),
        legend=alt.Legend(title="share among", orient="top"),
    )
    points = (
        base.transform_calculate(best="datum.share_best", all="datum.share_all")
        .transform_fold(list(AMONG), as_=["among", "share"])
        .mark_point(filled=True, size=24, opacity=1)
        .encode(
            x=alt.X("share:Q", title="share of networks with it", scale=scale, axis=axis),
            color=colour,
        )
    )
    way = base.mark_rule(style="zero").encode(
        x=alt.X("share_all:Q", scale=scale, axis=axis), x2="share_best:Q"
    )
    return alt.layer(way, points).properties(width=WIDTH, height=ROW * len(shown) + 4)


def _describe(table: pd.DataFrame) -> str:
    words = [
        f"{row['motif']} in {row['share_best']:.0%} of the best against {row['share_all']:.0%} "
        f"of all (importance {row['importance']:.0%}, {row['low']:.0%} to {row['high']:.0%})"
        for row in table.head(3).to_dict("records")
    ]
    text = (
        f"Of {write_count(len(table), 'motif')} by which the networks' reduced graphs differ: "
        f"{write_list(words)}. The best are {BEST:.0%} of the trials; this is association, "
        "not cause."
    )
    if len(table) > SHOWN:
        text += f" Drawn are the {SHOWN} most important."
    return text
