"""Which choices decide together: interactions of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, write_count, write_list
from dashboards.figures.outcomes import MOST
from dashboards.figures.panels import stack_panels
from dashboards.importance import rank_pairs
from dashboards.searched import Searched

WIDTH, ROW = 260, 26


def draw_pairs(campaigns: Sequence[Searched]) -> Figure | None:
    """The interactions among the most important choices. None of too few trials."""
    return stack_panels(campaigns, _draw_one, MOST)


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    ranked = rank_pairs(searched)
    if not ranked:
        return None
    table = pd.DataFrame([vars(one) for one in ranked])
    names = list(dict.fromkeys([*table["first"], *table["second"]]))
    # Each pair stands once, below the diagonal.
    places = {name: place for place, name in enumerate(names)}
    sides = [
        sorted(pair, key=places.__getitem__)
        for pair in zip(table["first"], table["second"], strict=True)
    ]
    shown = table.assign(column=[side[0] for side in sides], row=[side[1] for side in sides])
    return Figure(
        name="pairs",
        title="Choices that decide together",
        text=_describe(table, len(names)),
        chart=_draw(shown, names),
        frame=table,
    )


def _draw(shown: pd.DataFrame, names: Sequence[str]) -> Any:
    short = {name: shorten(name, 30) for name in names}
    data = shown.assign(
        row=shown["row"].map(short),
        column=shown["column"].map(short),
        shade=shown["value"].clip(lower=0.0),
        words=[
            f"{round(value, 3) + 0.0:.3f}{'*' if low > 0 else ''}"
            for value, low in zip(shown["value"], shown["low"], strict=True)
        ],
    )
    order = [short[name] for name in names]
    base = alt.Chart(write_inline(data[["row", "column", "shade", "words"]])).encode(
        x=alt.X(
            "column:N",
            title=None,
            sort=order[:-1],
            axis=alt.Axis(labelAngle=-30, ticks=False, domain=False, labelLimit=140),
        ),
        y=alt.Y("row:N", title=None, sort=order[1:], axis=alt.Axis(ticks=False, domain=False)),
    )
    shade = alt.Color(
        "shade:Q",
        scale=alt.Scale(range="ramp", domainMin=0),
        legend=alt.Legend(title="interaction", orient="right"),
    )
    return alt.layer(
        base.mark_rect(opacity=0.4).encode(color=shade),
        base.mark_text(style="label").encode(text="words:N"),
    ).properties(width=WIDTH, height=ROW * (len(names) - 1))


def _describe(table: pd.DataFrame, choices: int) -> str:
    words = [
        f"{row['first']} with {row['second']} {row['value']:.3f} "
        f"({row['low']:.3f} to {row['high']:.3f})"
        for row in table.head(2).to_dict("records")
    ]
    clear = int((table["low"] > 0).sum())
    among = f"{write_count(len(table), 'pair')} among the {choices} most important choices"
    if clear:
        text = f"Of {among}, {clear} decide more together than each alone (marked *); strongest"
    else:
        text = f"None of {among} clearly decides more together than each alone; strongest"
    return (
        f"{text}: {write_list(words)}, with 95 % bootstrap intervals. Pairs that too few trials "
        "made together are left out."
    )
