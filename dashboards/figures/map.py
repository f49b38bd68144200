"""A map of the searched space: what is alike lies near, and what was never tried is marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.boxes import count_boxes
from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import write_count, write_list
from dashboards.figures.outcomes import MOST, name_scores
from dashboards.figures.panels import stack_panels
from dashboards.searched import Searched
from dashboards.space_map import SpaceMap, map_space

WIDTH, HEIGHT = 330, 250
PLACED = 5000
"""So many trials are placed on the map."""
WORDS = 3
"""So many motifs that were never tried are named."""
MARKS = {
    "near": "drawn from the space, a trial is near",
    "far": "drawn from the space, never tried",
}


def draw_map(campaigns: Sequence[Searched]) -> Figure | None:
    """The map, one panel a campaign. None where no motifs are known or nothing was trained."""
    return stack_panels(campaigns, _draw_one, MOST // 2)


def thin_trials(searched: Searched, most: int = PLACED) -> Searched:
    """The campaign with at most so many of its trained trials: of those of equal motifs the best,
    then an even sample by score.
    """
    trials = searched.trials
    placed = trials[(trials["origin"] != "control") & (trials["epochs"] > 0)]
    if len(placed) <= most:
        return searched
    ranked = placed.sort_values(["epochs", "top1"], ascending=False, kind="stable")
    kept = ranked[~ranked["motifs"].duplicated()]
    if len(kept) > most:
        kept = kept.iloc[np.linspace(0, len(kept) - 1, most).astype(int)]
    return replace(searched, trials=trials.loc[sorted(kept.index)])


def _draw_one(searched: Searched, most: int) -> Figure | None:
    if "motifs" not in searched.trials:
        return None
    thinned = thin_trials(searched)
    found = map_space(thinned)
    if found is None:
        return None
    points = found.points
    full = (points["status"] == "finished") & (points["epochs"] == searched.full_epochs)
    drawn = points["kind"] == "drawn"
    points = points.assign(
        group=np.select(
            [drawn & points["far"], drawn, full.fillna(False).to_numpy(bool)],
            ["far", "near", "full"],
            "stopped",
        )
    )
    placed = points[points["kind"] == "trial"]
    motifs = thinned.trials.set_index("trial")["motifs"].loc[placed["trial"]].tolist()
    names = [name_axis(placed[axis].to_numpy(float), motifs) for axis in ("x", "y")]
    return Figure(
        name="map",
        title="Map of the searched space",
        text=_describe(searched, thinned, found, points, most),
        chart=_draw(points, names, name_scores(searched), most),
        frame=points[["trial", "group", "x", "y", "top1", "epochs", "distance", "far"]],
    )


def name_axis(places: np.ndarray, motifs: Sequence[Sequence[str]]) -> str | None:
    """The motif that goes most with the places along an axis, and on which side it is."""
    words = sorted({word for one in motifs for word in one})
    best, name = 0.0, None
    for word in words:
        there = np.array([word in one for one in motifs])
        if there.all() or np.ptp(places) == 0:
            continue
        together = float(np.corrcoef(places, there)[0, 1])
        if abs(together) > abs(best) + 1e-9:  # of equals the first by the alphabet
            best, name = together, f"{word} →" if together > 0 else f"← {word}"
    return name


def _draw(points: pd.DataFrame, names: Sequence[str | None], scores: str, most: int) -> Any:
    plain = partial(alt.Axis, labels=False, ticks=False)
    ranges = {}
    for axis in ("x", "y"):
        low, high = float(points[axis].min()), float(points[axis].max())
        room = 0.04 * ((high - low) or 1.0)
        ranges[axis] = alt.Scale(domain=[round(low - room, 3), round(high + room, 3)], nice=False)
    x = alt.X("x:Q", axis=plain(title=names[0]), scale=ranges["x"])
    y = alt.Y("y:Q", axis=plain(title=names[1]), scale=ranges["y"])
    groups = {str(name): rows for name, rows in points.groupby("group")}
    layers: list[alt.Chart] = []
    stopped = groups.get("stopped")
    if stopped is not None and len(stopped) > most:
        boxes = count_boxes(stopped["x"], stopped["y"], columns=60, rows=45)
        # In grey: scores have the colours.
        shade = alt.Opacity(
            "trials:Q", scale=alt.Scale(type="log", range=[0.12, 0.75]), legend=None
        )
        counted: alt.Chart = alt.Chart(write_inline(boxes)).mark_rect(style="everyone")
        layers.append(counted.encode(x=x, x2="x2", y=y, y2="y2", opacity=shade))
    elif stopped is not None:
        layers.append(_mark(stopped, x, y).mark_point(style="pruned", filled=True, opacity=0.35))
    if "full" in groups:
        best = groups["full"].nlargest(most, "top1").sort_values("top1")
        colour = alt.Color(
            "top1:Q",
            scale=alt.Scale(range="ramp", zero=False, nice=False),
            legend=alt.Legend(title=scores, orient="top", format=".2f", tickCount=3),
        )
        trained = _mark(best, x, y, "top1")
        layers.append(trained.mark_point(filled=True, size=14, opacity=0.9).encode(color=colour))
    shape = alt.Shape(
        "mark:N",
        scale=alt.Scale(domain=list(MARKS.values()), range=["circle", "cross"]),
        legend=alt.Legend(title=None, orient="top", columns=2),
    )
    for name in MARKS:
        if name in groups:
            rows = _mark(groups[name].assign(mark=MARKS[name]), x, y, "mark")
            layers.append(rows.mark_point(style=name).encode(shape=shape))
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _mark(points: pd.DataFrame, x: alt.X, y: alt.Y, *columns: str) -> alt.Chart:
    data = write_inline(points[["x", "y", *columns]], {"x": 3, "y": 3})
    chart: alt.Chart = alt.Chart(data).encode(x=x, y=y)
    return chart


def _describe(
    searched: Searched, thinned: Searched, found: SpaceMap, points: pd.DataFrame, most: int
) -> str:
    drawn = points[points["kind"] == "drawn"]
    trials = points[points["kind"] == "trial"]
    far = int(drawn["far"].sum())
    trained = int((searched.suggested["epochs"] > 0).sum())
    placed = write_count(trained, "trained network")
    if len(trials) < trained:
        placed = f"{len(trials):,} of {placed}"
    text = (
        f"{placed} and {len(drawn)} drawn at random from the space; near each other lie those "
        f"that share motifs (the plane keeps {found.kept:.0%} of the differences; by its sides "
        f"stand the motifs that go most with them). {far} of the {len(drawn)} drawn ones are far "
        "from every trial: there the space was never tried."
    )
    words = [
        f"{' with '.join(row['motifs'])} ({row['share']:.0%} of the space)"
        for row in found.untried.head(WORDS).to_dict("records")
    ]
    if words:
        text += f" Never tried although to be expected: {write_list(words)}."
    if (points["group"] == "stopped").sum() > most:
        text += " Trainings that were stopped are counted in grey boxes."
    if len(thinned.trials) < len(searched.trials):
        text += " Of trials with equal motifs the best one is placed."
    return text
