"""What a figure is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import altair as alt
import pandas as pd

from dashboards.searched import Searched


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """A chart with what a reader needs to understand it, and the numbers that it shows.

    `name` is that of its files ("progress"), `title` a heading, `text` what is to be seen, what it
    is against and what was left out or binned: it stands below the chart and is what a screen
    reader says. `frame` holds the numbers as a table, tidy, for the CSV.
    """

    name: str
    title: str
    text: str
    chart: alt.TopLevelMixin
    frame: pd.DataFrame


DrawFigure: TypeAlias = Callable[[Sequence[Searched]], Figure | None]
"""Draws one figure of one campaign, or of several side by side.

None where these campaigns have nothing to show in it (no feedback in the space; one campaign,
where it compares). Does not change the frames.
"""
