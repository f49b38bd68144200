"""Which choices decide whether a network is among the best, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboards.divergence import BEST
from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, write_count, write_list
from dashboards.figures.outcomes import MOST
from dashboards.figures.panels import stack_panels
from dashboards.importance import rank_choices
from dashboards.searched import Searched

WIDTH, ROW = 300, 11
SHOWN = 15
"""So many choices are drawn; the table has all."""


def draw_importance(campaigns: Sequence[Searched]) -> Figure | None:
    """The most important choices, one panel a campaign. None of too few trials."""
    return stack_panels(campaigns, _draw_one, MOST)


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    ranked = rank_choices(searched)
    if not ranked:
        return None
    table = pd.DataFrame([vars(one) for one in ranked])
    shown = table.head(SHOWN).assign(
        name=[shorten(one, 40) for one in table["choice"].head(SHOWN)]
    )
    chart = draw_bars(shown, "value", "part of the importance of all choices")
    return Figure(
        name="importance",
        title="Importance of choices",
        text=_describe(table),
        chart=chart,
        frame=table,
    )


def draw_bars(shown: pd.DataFrame, column: str, title: str, *, labels: bool = True) -> Any:
    """Bars by `name` in the order of the rows, with intervals from `low` to `high`."""
    y = alt.Y(
        "name:N",
        title=None,
        sort=list(shown["name"]),
        axis=alt.Axis(ticks=False, domain=False, labels=labels),
    )
    x = alt.X(f"{column}:Q", title=title, scale=alt.Scale(zero=True))
    base = alt.Chart(write_inline(shown[["name", column, "low", "high"]])).encode(y=y)
    return alt.layer(
        base.mark_bar(style="bar", height=ROW - 4).encode(x=x),
        base.mark_rule(style="interval").encode(x=alt.X("low:Q"), x2="high:Q"),
    ).properties(width=WIDTH, height=ROW * len(shown) + 4)


def _describe(table: pd.DataFrame) -> str:
    words = [
        f"{row['choice']} {row['value']:.0%} ({row['low']:.0%} to {row['high']:.0%})"
        for row in table.head(3).to_dict("records")
    ]
    text = (
        f"The importance of {write_count(len(table), 'choice')} is most of all that of "
        f"{write_list(words)} (conditional PED-ANOVA: how the best {BEST:.0%} of "
        "the trials differ from all, 95 % bootstrap intervals). It is association: a sampler that "
        "learns makes choices look important together."
    )
    if len(table) > SHOWN:
        text += f" Drawn are the first {SHOWN}."
    return text
