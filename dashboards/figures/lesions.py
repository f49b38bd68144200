"""What a network loses without each of its parts: cause from lesions, association beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboards.figures.effects import EffectStyle, draw_effects
from dashboards.figures.feedback import FULL, compare_edges
from dashboards.figures.figure import Figure
from dashboards.figures.intervals import bound_difference
from dashboards.figures.labels import shorten, write_count, write_list
from dashboards.figures.outcomes import MOST, keep_full
from dashboards.figures.panels import stack_panels
from dashboards.searched import Searched

STYLE = EffectStyle(
    title="change of top-1 without it",
    width=300,
    row=9,
    stroke=1.1,
    size=18,
    axis=alt.Axis(ticks=False, domain=False, grid=True, gridOpacity=0.25),
)
SHOWN = 20
"""So many parts are drawn, those whose removal changes most; the table has all."""
TRAINED, KEPT = "cause: trained again without it", "cause: removed, weights kept"
ASSOCIATED = "association: networks without it − with it"
KINDS = (TRAINED, KEPT, ASSOCIATED)
COLUMNS = ["trial", "part", "kind", "measure", "difference", "low", "high"]


def draw_lesions(campaigns: Sequence[Searched]) -> Figure | None:
    """The effects of lesions of the best lesioned network. None where none was lesioned."""
    return stack_panels(campaigns, _draw_one, MOST)


def tabulate_lesions(searched: Searched) -> pd.DataFrame:
    """Rows `trial`, `part`, `kind`, `measure` (one of KINDS), `difference` of top-1 and bounds.

    Association is the difference of the mean top-1 of full trainings, with Welch's interval, where
    the search had networks with the part's motif and without it.
    """
    lesions = searched.lesions
    if lesions.empty:
        return pd.DataFrame(columns=COLUMNS)
    known = lesions.dropna(subset=["difference"])
    measures = known["retrained"].map({True: TRAINED, False: KEPT})
    tables = [known.assign(measure=measures)[COLUMNS]]
    associated = _associate(searched)
    rows = [
        {"trial": one["trial"], "part": one["part"], "kind": one["kind"], "measure": ASSOCIATED}
        | associated[one["part"]]
        for one in known.drop_duplicates(["trial", "part"]).to_dict("records")
        if one["part"] in associated
    ]
    if rows:
        tables.append(pd.DataFrame(rows)[COLUMNS])
    return pd.concat(tables, ignore_index=True)


def _associate(searched: Searched) -> dict[str, dict[str, float]]:
    """By part: how much worse full trainings without it are than those with it."""
    full = keep_full(searched.sampled, searched)
    edges = compare_edges(searched)
    found = {
        str(one["edge"]): {"difference": -one["gain"], "low": -one["high"], "high": -one["low"]}
        for one in edges[edges["kind"] == FULL].to_dict("records")
    }
    if "motifs" not in full:
        return found
    scores = full["top1"].to_numpy(float)
    for word in sorted({word for motifs in full["motifs"] for word in motifs}):
        there = full["motifs"].map(lambda motifs, word=word: word in motifs).to_numpy(bool)
        one = bound_difference(scores[~there], scores[there])
        if one.value == one.value:
            bounds = {"difference": one.value, "low": one.low, "high": one.high}
            found[word] = bounds
            # A motif says what its part does: "out->out keeps" is the part "out->out keep".
            found.setdefault(word.removesuffix("s"), bounds)
    return found


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    table = tabulate_lesions(searched)
    if table.empty:
        return None
    scores = searched.trials.set_index("trial")["top1"]
    trial = max(sorted(set(table["trial"])), key=lambda one: float(scores.get(one, -1.0)))
    of_trial = table[table["trial"] == trial]
    cause = of_trial[of_trial["measure"] != ASSOCIATED]
    strongest = cause.groupby("part")["difference"].agg(lambda one: one.abs().max())
    parts = list(strongest.sort_values(ascending=False, kind="stable").index[:SHOWN])
    worst = cause.groupby("part")["difference"].min()
    parts.sort(key=lambda part: (float(worst[part]), part))
    return Figure(
        name="lesions",
        title="What each part is needed for",
        text=_describe(of_trial, int(trial), len(parts), strongest.size),
        chart=_draw(of_trial[of_trial["part"].isin(parts)], parts),
        frame=table,
    )


def _draw(shown: pd.DataFrame, parts: Sequence[str]) -> Any:
    short = {part: shorten(part, 36) for part in parts}
    data = shown.assign(part=shown["part"].map(short))
    names = [short[part] for part in parts]
    return draw_effects(data, ("part", "measure", "difference"), names, KINDS, STYLE)


def _describe(of_trial: pd.DataFrame, trial: int, shown: int, parts: int) -> str:
    sentences = []
    for measure, words in ((TRAINED, "both trained again"), (KEPT, "the other weights kept")):
        rows = of_trial[of_trial["measure"] == measure].sort_values("difference", kind="stable")
        if rows.empty:
            continue
        named = [
            f"{row['part']} {row['difference']:+.3f}"
            + ("" if pd.isna(row["low"]) else f" ({row['low']:+.3f} to {row['high']:+.3f})")
            for row in rows.head(3).to_dict("records")
        ]
        sentences.append(
            f"Trial {trial} without one of {write_count(len(rows), 'part')}, {words}: top-1 "
            f"changes most by {write_list(named)}."
        )
    beside = int((of_trial["measure"] == ASSOCIATED).sum())
    if beside:
        sentences.append(
            f"Beside {write_count(beside, 'part')} stands the association in the search, which is "
            "not cause: how full trainings without its motif differ from those with it."
        )
    if shown < parts:
        sentences.append(f"Drawn are the {shown} parts that change most.")
    return " ".join(sentences)
