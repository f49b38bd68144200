"""Parallel coordinates in which a choice that was not made is a lane of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.choices import code_options, rank_differences, share_options
from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, write_count, write_list
from dashboards.figures.outcomes import MOST, keep_full, name_scores, number_samples
from dashboards.figures.panels import stack_panels
from dashboards.frames import CHOICE
from dashboards.searched import Searched

WIDTH, ROW = 370, 40
ROWS = 7
"""So many choices are drawn, those in which the best cells differ most from all."""
LINES = 100
LANE = 0.84
"""How much of its lane the lines of an option fill."""
NOT_MADE = "not made"
SCORE = "top-1"


def draw_parallel(campaigns: Sequence[Searched]) -> Figure | None:
    """Choices as rows, options as lanes, full trainings as lines. None of too few trainings."""
    return stack_panels(campaigns, _draw_one, MOST)


def place_in_lanes(lanes: np.ndarray, scores: np.ndarray, count: int) -> np.ndarray:
    """Where each line crosses a row (0..1) of `count` lanes: within its lane by its score, the
    best to the right.
    """
    order = np.lexsort((scores, lanes))
    places = np.empty(len(lanes))
    sizes = np.bincount(lanes, minlength=count)
    ranks = np.arange(len(lanes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    within = (ranks + 0.5) / np.repeat(np.maximum(sizes, 1), sizes)
    places[order] = (lanes[order] + (1 - LANE) / 2 + LANE * within) / count
    return places


def choose_lines(full: pd.DataFrame, most: int) -> pd.DataFrame:
    """The best third of `most` of the trainings, and an even sample of the rest by score."""
    ranked = full.sort_values(["top1", "trial"], ascending=[False, True])
    best, rest = ranked.head(most // 3), ranked.iloc[most // 3 :]
    if len(rest) > most - len(best):
        places = np.linspace(0, len(rest) - 1, most - len(best)).astype(int)
        rest = rest.iloc[places]
    return pd.concat([best, rest])


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    full = keep_full(number_samples(searched), searched)
    ranked = rank_differences(share_options(searched, moments=1))
    if ranked.empty:
        return None
    choices = list(dict.fromkeys(ranked["choice"]))[:ROWS]
    order = [one.path for one in searched.space.parameters]
    choices.sort(key=order.index)
    drawn = choose_lines(full, LINES)
    crossings, lanes, table = _trace(searched, full, drawn, choices)
    return Figure(
        name="parallel",
        title="Cells across choices",
        text=_describe(full, drawn, table, choices),
        chart=_draw(crossings, lanes, name_scores(searched)),
        frame=table,
    )


def _trace(
    searched: Searched, full: pd.DataFrame, drawn: pd.DataFrame, choices: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Where lines cross rows, the lanes with their names, and the options of all trainings."""
    parameters = {one.path: one for one in searched.space.parameters}
    scores = drawn["top1"].to_numpy(float)
    crossings, lanes = [], []
    table = full[["trial", "top1"]].copy()
    for row, choice in enumerate(choices):
        codes, names = code_options(parameters[choice], full[f"{CHOICE}{choice}"])
        everywhere = (codes >= 0).all()
        words = [*names] if everywhere else [*names, NOT_MADE]
        codes = np.where(codes < 0, len(names), codes)
        table[choice] = [words[code] for code in codes]
        of_line = pd.Series(codes, index=full.index).reindex(drawn.index).to_numpy(int)
        places = place_in_lanes(of_line, scores, len(words))
        crossings.append(
            pd.DataFrame({"trial": drawn["trial"], "row": row, "at": places, "top1": scores})
        )
        shares = np.bincount(codes, minlength=len(words)) / len(codes)
        lanes += [
            {"row": row, "from": (n + (1 - LANE) / 2) / len(words)}
            | {"to": (n + (1 + LANE) / 2) / len(words), "option": shorten(word, 60 // len(words))}
            | {"choice": shorten(choice, 30), "made": word != NOT_MADE or everywhere}
            | {"share": shares[n]}
            for n, word in enumerate(words)
        ]
    low, high = float(scores.min()), float(scores.max())
    at = (scores - low) / ((high - low) or 1.0)
    row = len(choices)
    last = pd.DataFrame({"trial": drawn["trial"], "row": row, "at": at, "top1": scores})
    lanes.append(
        {"row": row, "from": 0.0, "to": 1.0, "option": f"{low:.3f} … {high:.3f}"}
        | {"choice": SCORE, "made": True, "share": 1.0}
    )
    return pd.concat([*crossings, last], ignore_index=True), pd.DataFrame(lanes), table


def _draw(crossings: pd.DataFrame, lanes: pd.DataFrame, scores: str) -> Any:
    rows = int(lanes["row"].max()) + 1
    y = alt.Y("row:Q", scale=alt.Scale(domain=[rows - 0.8, -0.5], nice=False), axis=None)
    across = alt.Scale(domain=[0, 1], nice=False)
    # The worst first: the best lie above them.
    lines = crossings.sort_values(["top1", "trial", "row"], kind="stable")
    colour = alt.Color(
        "top1:Q",
        scale=alt.Scale(range="ramp", zero=False, nice=False),
        legend=alt.Legend(title=scores, orient="top", format=".2f", tickCount=3),
    )
    place = alt.Chart(write_inline(lanes.assign(share=[f"{one:.0%}" for one in lanes["share"]])))
    names = lanes.drop_duplicates("row")[["row", "choice"]]
    options = place.encode(x=alt.X("from:Q", scale=across, axis=None), y=y, text="option:N")
    return alt.layer(
        place.mark_rule(style="grid", strokeWidth=5, strokeCap="butt").encode(
            x=alt.X("from:Q", scale=across, axis=None), x2="to:Q", y=y
        ),
        alt.Chart(write_inline(lines, {"at": 3, "top1": 3}))
        .mark_line(strokeWidth=0.7, opacity=0.7)
        .encode(
            x=alt.X("at:Q", scale=across, axis=None),
            y=y,
            detail="trial:N",
            order="row:Q",
            color=colour,
        ),
        options.mark_text(style="halo", align="left", baseline="bottom", dy=-4),
        options.mark_text(style="label", align="left", baseline="bottom", dy=-4),
        alt.Chart(write_inline(names))
        .mark_text(style="label", align="right", baseline="middle", dx=-6)
        .encode(x=alt.value(0), y=y, text="choice:N"),
    ).properties(width=WIDTH, height=ROW * rows)


def _describe(
    full: pd.DataFrame, drawn: pd.DataFrame, table: pd.DataFrame, choices: Sequence[str]
) -> str:
    best = table.iloc[int(full["top1"].argmax())]
    words = [f"{choice} = {best[choice]}" for choice in choices]
    text = (
        f"{write_count(len(full), 'full training')} across the {len(choices)} choices in which "
        f"the best differ most from all; the best ({best['top1']:.3f}) has {write_list(words)}. "
        "Within a lane the better lie further right; a choice that a cell did not have to make "
        f"is its lane “{NOT_MADE}”."
    )
    if len(drawn) < len(full):
        text += f" Drawn are {len(drawn):,} lines: the best, and an even sample of the rest."
    return text
