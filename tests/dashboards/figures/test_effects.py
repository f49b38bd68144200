"""Effects are drawn in the order that is asked for, by the kinds that there are."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboards.figures.effects import EffectStyle, draw_effects

STYLE = EffectStyle(title="effect", width=200, row=10, stroke=1.0, size=20, axis=alt.Axis())


def test_rows_and_kinds_stand_in_the_order_given() -> None:
    table = pd.DataFrame(
        {
            "part": ["b", "a", "a"],
            "kind": ["cause", "cause", "association"],
            "change": [-0.1, 0.2, 0.1],
            "low": [-0.2, 0.1, 0.0],
            "high": [0.0, 0.3, 0.2],
        }
    )
    kinds = ("cause", "none of these", "association")
    drawn = draw_effects(table, ("part", "kind", "change"), ["a", "b"], kinds, STYLE).to_dict()
    zero, interval, point = drawn["layer"]
    for layer in (interval, point):
        assert layer["encoding"]["y"]["sort"] == ["a", "b"]
        assert layer["encoding"]["yOffset"]["sort"] == ["cause", "association"]
    assert zero["encoding"]["x"] == point["encoding"]["x"]
    assert (interval["encoding"]["x"]["field"], interval["encoding"]["x2"]["field"]) == (
        "low",
        "high",
    )
    assert drawn["height"] == 10 * 2 * 2 + 6
