"""One figure of several campaigns: their panels one below the other, each under its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import altair as alt
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.searched import Searched

Draw = Callable[[Searched, int], Figure | None]
"""Draws one campaign with at most so many points."""


def stack_panels(campaigns: Sequence[Searched], draw: Draw, most: int) -> Figure | None:
    """The figures of the campaigns as one, or None where none has one.

    `most` is how many points all may have together. Of one campaign its own figure. Scales are
    each panel's own: what may be compared across campaigns, `compare` draws.
    """
    drawn = [(one, draw(one, max(100, most // len(campaigns)))) for one in campaigns]
    panels = [(one, figure) for one, figure in drawn if figure is not None]
    if not panels:
        return None
    if len(campaigns) == 1:
        return panels[0][1]
    names = name_apart(campaigns)
    charts = [
        alt.vconcat(cast(alt.LayerChart, figure.chart), title=names[one.id], spacing=0)
        for one, figure in panels
    ]
    frames = [figure.frame.assign(campaign=names[one.id]) for one, figure in panels]
    frame = pd.concat(frames, ignore_index=True)
    first = panels[0][1]
    return Figure(
        name=first.name,
        title=first.title,
        text=" ".join(f"{names[one.id]}: {figure.text}" for one, figure in panels),
        chart=alt.vconcat(*charts, spacing=18).resolve_scale(
            color="independent", shape="independent"
        ),
        frame=frame[["campaign", *(name for name in frame if name != "campaign")]],
    )


def name_apart(campaigns: Sequence[Searched]) -> dict[str, str]:
    """A name for each campaign by its id: its own, with the id where several share it."""
    names = [one.name for one in campaigns]
    return {
        one.id: one.name if names.count(one.name) == 1 else f"{one.name} ({one.id})"
        for one in campaigns
    }
