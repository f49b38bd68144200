"""What each long-range feedback edge gains, best to worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.intervals import bound_difference
from dashboards.figures.labels import write_count
from dashboards.figures.outcomes import MOST, keep_full
from dashboards.figures.panels import stack_panels
from dashboards.frames import CHOICE
from dashboards.searched import Searched
from space.space import Space

WIDTH, ROW = 330, 11
FULL, EARLY = "trained to the end", "after the grace epochs"


def draw_feedback(campaigns: Sequence[Searched]) -> Figure | None:
    """The gain of every feedback edge that the space leaves open. None where there is none."""
    return stack_panels(campaigns, _draw_one, MOST)


def find_edges(space: Space) -> dict[str, str]:
    """The feedback edges that are choices, as the key of the choice by SENDER->RECEIVER."""
    keys = {parameter.path for parameter in space.parameters}
    edges = {}
    for edge, node in dict(space.genome.get("feedback", {})).items():
        named = node.get("name") if isinstance(node, Mapping) else None
        key = named or f"genome.feedback.{edge}"
        if key in keys:
            edges[str(edge)] = str(key)
    return edges


def compare_edges(searched: Searched) -> pd.DataFrame:
    """For each open edge, the mean top-1 of networks with it minus that of those without.

    Rows `edge`, `kind` (FULL, or EARLY: of all trainings, at the last epoch before any is
    stopped), `gain` with Welch's `low` and `high`, and the numbers of networks `with` and
    `without`. The best gain of full trainings first.
    """
    chosen = searched.suggested
    kinds = {FULL: keep_full(chosen, searched).set_index("trial")["top1"]}
    if searched.settings.scheduler.name != "fifo":
        grace = searched.settings.scheduler.grace(searched.full_epochs)
        at_grace = searched.reports[searched.reports["epoch"] == grace]
        early = at_grace.drop_duplicates("trial").set_index("trial")["top1"].dropna()
        kinds[EARLY] = early[early.index.isin(chosen["trial"])]
    rows = []
    for edge, key in find_edges(searched.space).items():
        column = f"{CHOICE}{key}"
        if column not in chosen:
            continue
        there = chosen.set_index("trial")[column]
        for kind, scores in kinds.items():
            made = there.reindex(scores.index)
            some, others = scores[made.eq(True)], scores[made.eq(False)]
            one = bound_difference(some.to_numpy(float), others.to_numpy(float))
            rows.append(
                {"edge": edge, "kind": kind, "gain": one.value, "low": one.low, "high": one.high}
                | {"with": len(some), "without": len(others)}
            )
    columns = ["edge", "kind", "gain", "low", "high", "with", "without"]
    table = pd.DataFrame(rows, columns=columns).dropna(subset=["gain"])
    full = table[table["kind"] == FULL].set_index("edge")["gain"]
    best = table["edge"].map(full).astype(float)
    order = np.lexsort((table["kind"] != FULL, table["edge"], -best.fillna(-9.0)))
    return table.iloc[order].reset_index(drop=True)


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    table = compare_edges(searched)
    if table.empty:
        return None
    edges = list(dict.fromkeys(table["edge"]))
    shown = table.assign(label=table["edge"].str.replace("->", " → "))
    labels = [edge.replace("->", " → ") for edge in edges]
    kinds = [kind for kind in (FULL, EARLY) if kind in set(table["kind"])]
    y = alt.Y("label:N", title=None, sort=labels, axis=alt.Axis(ticks=False, domain=False))
    base = alt.Chart(write_inline(shown[["label", "kind", "gain", "low", "high"]])).encode(
        y=y,
        yOffset=alt.YOffset("kind:N", sort=kinds),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=kinds, range="category"),
            legend=alt.Legend(title=None, orient="top"),
        ),
    )
    x = alt.X("gain:Q", title="gain in top-1: with the edge − without")
    zero = alt.Chart(write_inline(pd.DataFrame({"gain": [0]}))).mark_rule(style="zero")
    chart = alt.layer(
        zero.encode(x=x),
        base.mark_rule(strokeWidth=1.2).encode(x=alt.X("low:Q"), x2="high:Q"),
        base.mark_point(filled=True, size=26, opacity=1).encode(x=x),
    )
    height = ROW * len(edges) * len(kinds) + 6
    return Figure(
        name="feedback",
        title="Gain of each feedback edge",
        text=_describe(searched, table),
        chart=chart.properties(width=WIDTH, height=height),
        frame=table,
    )


def _describe(searched: Searched, table: pd.DataFrame) -> str:
    full = table[table["kind"] == FULL]
    text = "Association in the search, not cause: other choices differ too."
    if len(full):
        best, worst = full.iloc[0], full.iloc[-1]
        text += (
            f" Of {write_count(len(full), 'feedback edge')}, networks with {best['edge']} score "
            f"{best['gain']:+.3f}{_bounds(best)} against those without "
            f"({int(best['with'])} and {int(best['without'])} full trainings)"
        )
        if len(full) > 1:
            text += f"; the worst edge is {worst['edge']} with {worst['gain']:+.3f}"
        clear = int(((full["low"] > 0) | (full["high"] < 0)).sum())
        text += f". {write_count(clear, 'interval')} of {len(full)} (95 %) exclude 0."
    if EARLY in set(table["kind"]):
        grace = searched.settings.scheduler.grace(searched.full_epochs)
        text += (
            f" Full trainings are those that early stopping left, so the gain after epoch {grace} "
            "stands beside it, of all trainings."
        )
    return text


def _bounds(row: pd.Series) -> str:
    if np.isnan(row["low"]):
        return ""
    return f" ({row['low']:+.3f} to {row['high']:+.3f})"
