"""What each long-range feedback edge gains, best to worst: by lesions where there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.effects import EffectStyle, draw_effects
from dashboards.figures.figure import Figure
from dashboards.figures.intervals import bound_difference, bound_mean
from dashboards.figures.labels import write_count
from dashboards.figures.outcomes import MOST, keep_full
from dashboards.figures.panels import stack_panels
from dashboards.frames import CHOICE
from dashboards.searched import Searched
from space.space import Space
from workers.shares import Interval

STYLE = EffectStyle(
    title="gain in top-1: with the edge − without",
    width=330,
    row=11,
    stroke=1.2,
    size=26,
    axis=alt.Axis(ticks=False, domain=False),
)
FULL, EARLY = "association, trained to the end", "association, after the grace epochs"
"""Of association: the trainings whose scores are compared."""
TRAINED, KEPT = "lesion, trained again", "lesion, weights kept"
"""Of cause: whether both networks were trained again, or the rest kept its weights."""
KINDS = (TRAINED, KEPT, FULL, EARLY)
COLUMNS = ["edge", "kind", "gain", "low", "high", "with", "without"]


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
    `without`.
    """
    chosen = searched.sampled
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
    return pd.DataFrame(rows, columns=COLUMNS).dropna(subset=["gain"])


def collect_lesions(searched: Searched) -> pd.DataFrame:
    """What lesions of feedback edges say, as rows of `compare_edges`, their kind TRAINED or KEPT.

    Of one lesioned trial its own interval, of several the mean of theirs with Student's; `with`
    counts them.
    """
    lesions = searched.lesions
    if lesions.empty:
        return pd.DataFrame(columns=COLUMNS)
    known = lesions[(lesions["kind"] == "feedback") & lesions["difference"].notna()]
    rows = []
    for (edge, again), of_edge in known.groupby(["part", "retrained"], sort=True):
        # A lesion takes the edge away, so what is lost is what the edge gains.
        gains = -of_edge["difference"].to_numpy(float)
        if len(gains) == 1:
            low, high = -float(of_edge["high"].iloc[0]), -float(of_edge["low"].iloc[0])
            one = Interval(float(gains[0]), low, high)
        else:
            one = bound_mean(gains)
        kind = TRAINED if again else KEPT
        rows.append(
            {"edge": str(edge), "kind": kind, "gain": one.value, "low": one.low, "high": one.high}
            | {"with": len(gains), "without": len(gains)}
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _sort(table: pd.DataFrame) -> pd.DataFrame:
    """The best edge first, by the strongest evidence that there is for it."""
    places = table["kind"].map(KINDS.index)
    first = table.assign(place=places).sort_values("place", kind="stable")
    gain = first.drop_duplicates("edge").set_index("edge")["gain"]
    order = np.lexsort((places, table["edge"], -table["edge"].map(gain).astype(float)))
    return table.iloc[order].reset_index(drop=True)


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    parts = [one for one in (collect_lesions(searched), compare_edges(searched)) if len(one)]
    if not parts:
        return None
    table = _sort(pd.concat(parts, ignore_index=True))
    edges = list(dict.fromkeys(table["edge"]))
    shown = table.assign(label=table["edge"].str.replace("->", " → "))
    labels = [edge.replace("->", " → ") for edge in edges]
    chart = draw_effects(shown, ("label", "kind", "gain"), labels, KINDS, STYLE)
    return Figure(
        name="feedback",
        title="Gain of each feedback edge",
        text=_describe(searched, table),
        chart=chart,
        frame=table,
    )


def _describe(searched: Searched, table: pd.DataFrame) -> str:
    cause = table[table["kind"].isin([TRAINED, KEPT])]
    full = table[table["kind"] == FULL]
    sentences = []
    if len(cause):
        kind = TRAINED if (cause["kind"] == TRAINED).any() else KEPT
        shown = cause[cause["kind"] == kind]
        best = shown.iloc[int(shown["gain"].argmax())]
        edges = write_count(len(shown), "feedback edge")
        sentences.append(
            f"Cause, from lesions ({kind.partition(', ')[2]}): of {edges} the one that gains most "
            f"is {best['edge']} with {best['gain']:+.3f}{_bounds(best)} in "
            f"{write_count(int(best['with']), 'lesioned network')}."
        )
    if len(full):
        best, worst = (full.iloc[pick(full["gain"].to_numpy())] for pick in (np.argmax, np.argmin))
        text = (
            f"Association in the search, not cause, since other choices differ too: of "
            f"{write_count(len(full), 'feedback edge')}, networks with {best['edge']} score "
            f"{best['gain']:+.3f}{_bounds(best)} against those without "
            f"({int(best['with'])} and {int(best['without'])} full trainings)"
        )
        if len(full) > 1:
            text += f"; the worst edge is {worst['edge']} with {worst['gain']:+.3f}"
        clear = int(((full["low"] > 0) | (full["high"] < 0)).sum())
        sentences.append(f"{text}. {clear} of {len(full)} intervals (95 %) exclude 0.")
    if EARLY in set(table["kind"]):
        grace = searched.settings.scheduler.grace(searched.full_epochs)
        sentences.append(
            "Full trainings are those that early stopping left, so the association after epoch "
            f"{grace} stands beside it, of all trainings."
        )
    return " ".join(sentences)


def _bounds(row: pd.Series) -> str:
    if np.isnan(row["low"]):
        return ""
    return f" ({row['low']:+.3f} to {row['high']:+.3f})"
