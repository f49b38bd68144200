"""Effects with intervals, side by side by what they rest on: a row a name, a mark a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from dashboards.figures.inline import write_inline


@dataclass(frozen=True, kw_only=True)
class EffectStyle:
    """How effects are drawn: the title of their axis, the size of the chart and of its marks."""

    title: str
    width: int
    row: int
    stroke: float
    size: int
    axis: alt.Axis


def draw_effects(
    table: pd.DataFrame,
    columns: tuple[str, str, str],
    names: Sequence[str],
    kinds: Sequence[str],
    style: EffectStyle,
) -> Any:
    """A mark and its interval (`low` to `high`) a row of the table, and a rule at zero.

    `columns` are those of the name, the kind and the effect; `names` and `kinds` are in the order
    in which they stand, kinds that no row has left out.
    """
    name, kind, effect = columns
    there = [one for one in kinds if one in set(table[kind])]
    base = alt.Chart(write_inline(table[[name, kind, effect, "low", "high"]])).encode(
        y=alt.Y(f"{name}:N", title=None, sort=list(names), axis=style.axis),
        yOffset=alt.YOffset(f"{kind}:N", sort=there),
        color=alt.Color(
            f"{kind}:N",
            scale=alt.Scale(domain=there, range="category"),
            legend=alt.Legend(title=None, orient="top", columns=2, labelLimit=240),
        ),
    )
    x = alt.X(f"{effect}:Q", title=style.title)
    zero = alt.Chart(write_inline(pd.DataFrame({effect: [0]}))).mark_rule(style="zero")
    layers = alt.layer(
        zero.encode(x=x),
        base.mark_rule(strokeWidth=style.stroke).encode(x=alt.X("low:Q"), x2="high:Q"),
        base.mark_point(filled=True, size=style.size, opacity=1).encode(x=x),
    )
    return layers.properties(width=style.width, height=style.row * len(names) * len(there) + 6)
