"""Points counted in boxes, where there are too many to draw each."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.inline import write_inline

COLUMNS, ROWS = 110, 50


def count_boxes(
    x: pd.Series, y: pd.Series, *, columns: int = COLUMNS, rows: int = ROWS, log: bool = False
) -> pd.DataFrame:
    """How many `trials` lie in each box of x..x2, y..y2 that has any; with `log`, of log x.

    x and y have no missing values.
    """
    places, edges = [], []
    for values, parts, of_log in ((x, columns, log), (y, rows, False)):
        numbers = values.to_numpy(float)
        numbers = np.log(numbers) if of_log else numbers
        low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 1.0)
        side = (high - low) / parts or 1.0
        places.append(np.minimum(((numbers - low) / side).astype(int), parts - 1))
        bounds = low + side * np.arange(parts + 1)
        edges.append(np.exp(bounds) if of_log else bounds)
    counted = pd.DataFrame({"i": places[0], "j": places[1]}).value_counts(sort=False)
    found = counted.rename("trials").reset_index().sort_values(["i", "j"])
    i, j = found["i"].to_numpy(int), found["j"].to_numpy(int)
    return pd.DataFrame(
        {
            "x": edges[0][i],
            "x2": edges[0][i + 1],
            "y": edges[1][j],
            "y2": edges[1][j + 1],
            "trials": found["trials"].to_numpy(int),
        }
    )


def draw_boxes(boxes: pd.DataFrame, x: alt.X, y: alt.Y, *, legend: bool = True) -> alt.Chart:
    """Boxes of `count_boxes`, shaded by the logarithm of their count; x and y read x:Q and y:Q."""
    shown = alt.Legend(title="trials", orient="top", tickCount=3, format="d")
    colour = alt.Color(
        "trials:Q",
        scale=alt.Scale(type="log", range="ramp"),
        legend=shown if legend else None,
    )
    data = write_inline(boxes, {"x": 5, "x2": 5})
    chart: alt.Chart = alt.Chart(data).mark_rect().encode(x=x, x2="x2", y=y, y2="y2", color=colour)
    return chart
