"""How robust networks are, as figures: accuracy against severity, and against time step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, span, write_list

if TYPE_CHECKING:
    from workers.robustness.scoring import Robustness, Scores

WIDTH, HEIGHT, ABREAST = 96, 90, 4
"""Of a panel, in points, and how many stand side by side."""
LONGEST = 40
"""Letters of a network's name."""
SHORT_LABEL = (
    f"length(datum.label) > {LONGEST} ? slice(datum.label, 0, {LONGEST // 2}) + '…' + "
    f"slice(datum.label, {1 - LONGEST // 2}) : datum.label"
)
"""A name in a legend, as `shorten` has it: two that are shortened alike stay two lines."""
CLEAN = "clean"


def draw_figures(scores: Scores) -> tuple[Figure, ...]:
    """The figures of what was scored: over severity for all networks, over time for each."""
    if not any(row.severity for row in scores.rows):
        return ()
    models = list(dict.fromkeys(row.model for row in scores.rows))
    over_time = [
        _draw_steps([row for row in scores.rows if row.model == model], place, len(models))
        for place, model in enumerate(models)
    ]
    return (_draw_severities(scores), *over_time)


def tabulate_steps(scored: Sequence[Robustness]) -> pd.DataFrame:
    """A row a network, condition and step, tidy; the decoder's answer has no step."""
    rows: list[dict[str, Any]] = []
    for row in scored:
        facts = {
            "model": row.model,
            "kind": row.kind,
            "severity": row.severity,
            "strength": row.strength,
            "images": row.images,
        }
        whole = {"step": None, "accuracy": row.accuracy, "low": row.low, "high": row.high}
        rows.append(facts | whole)
        steps = zip(row.accuracy_by_step, row.low_by_step, row.high_by_step, strict=True)
        for step, (accuracy, low, high) in enumerate(steps, row.first):
            rows.append(facts | {"step": step, "accuracy": accuracy, "low": low, "high": high})
    return pd.DataFrame(rows).astype({"step": "Int64"})


def _kinds(rows: Sequence[Robustness]) -> list[str]:
    return list(dict.fromkeys(row.kind for row in rows if row.kind != CLEAN))


def _repeat_clean(table: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    """The table with the clean rows at the beginning of every kind."""
    clean = table[table["kind"] == CLEAN]
    parts = [pd.concat([clean.assign(kind=kind), table[table["kind"] == kind]]) for kind in kinds]
    return pd.concat(parts, ignore_index=True)


def _draw_severities(scores: Scores) -> Figure:
    kinds = _kinds(scores.rows)
    whole = tabulate_steps(scores.rows)
    whole = whole[whole["step"].isna()].drop(columns="step")
    frame = _repeat_clean(whole, kinds)
    scale = alt.Scale(domain=list(span([*frame["low"], *frame["high"]])), nice=False)
    x = alt.X(
        "severity:Q",
        title="severity",
        axis=alt.Axis(values=list(range(6)), format="d"),
        scale=alt.Scale(domain=[0, 5], nice=False),
    )
    colour = alt.Color(
        "model:N",
        sort=None,
        scale=alt.Scale(range="category"),
        legend=alt.Legend(
            title=None,
            orient="top",
            symbolType="stroke",
            symbolStrokeWidth=2,
            symbolOpacity=1,
            labelExpr=SHORT_LABEL,
        ),
    )
    base = alt.Chart(write_inline(frame)).encode(x=x, color=colour)
    layers = alt.layer(
        base.mark_area(opacity=0.16).encode(
            y=alt.Y("low:Q", title="top-1", scale=scale), y2="high:Q"
        ),
        base.mark_line(strokeWidth=1.4, point={"size": 10}).encode(
            y=alt.Y("accuracy:Q", scale=scale)
        ),
    )
    return Figure(
        name="robustness",
        title="Accuracy against severity",
        text=_describe_severities(scores, kinds),
        chart=_facet(layers, kinds),
        frame=frame,
    )


def _draw_steps(rows: Sequence[Robustness], place: int, models: int) -> Figure:
    kinds, model = _kinds(rows), rows[0].model
    table = tabulate_steps(rows)
    frame = _repeat_clean(table[table["step"].notna()], kinds)
    scale = alt.Scale(domain=list(span([*frame["accuracy"]])), nice=False)
    steps = [int(frame["step"].min()), max(1, int(frame["step"].max()))]
    x = alt.X(
        "step:Q",
        title="time step",
        axis=alt.Axis(tickMinStep=1, tickCount=4, format="d"),
        scale=alt.Scale(domain=steps, nice=False),
    )
    base = alt.Chart(write_inline(frame)).encode(
        x=x, y=alt.Y("accuracy:Q", title="top-1", scale=scale), detail="severity:N"
    )
    spoilt = base.transform_filter("datum.severity > 0")
    layers = alt.layer(
        spoilt.mark_line(style="best").encode(
            opacity=alt.Opacity(
                "severity:O",
                scale=alt.Scale(range=[0.3, 1]),
                legend=alt.Legend(title="severity", orient="top", symbolType="stroke"),
            )
        ),
        base.transform_filter("datum.severity == 0").mark_line(style="mean"),
    )
    suffix = f"-{place + 1}" if models > 1 else ""
    return Figure(
        name=f"robustness-steps{suffix}",
        title=f"Accuracy over time: {shorten(model, LONGEST)}",
        text=_describe_steps(rows, kinds),
        chart=_facet(layers, kinds),
        frame=frame,
    )


def _facet(layers: alt.LayerChart | alt.FacetChart, kinds: Sequence[str]) -> alt.FacetChart:
    """A panel a kind."""
    return layers.properties(width=WIDTH, height=HEIGHT).facet(
        facet=alt.Facet("kind:N", sort=list(kinds), header=alt.Header(title=None)),
        columns=ABREAST,
    )


def _describe_severities(scores: Scores, kinds: Sequence[str]) -> str:
    sentences = []
    for model in dict.fromkeys(row.model for row in scores.rows):
        rows = [row for row in scores.rows if row.model == model]
        words = []
        for kind in kinds:
            worst = max((row for row in rows if row.kind == kind), key=lambda row: row.severity)
            words.append(f"{kind} {worst.severity}: {worst.accuracy:.3f}")
        clean = next(row for row in rows if row.kind == CLEAN)
        sentences.append(
            f"{model}: {clean.accuracy:.3f} of {clean.images:,} clean images (severity 0); at the "
            f"highest severity shown, {write_list(words)}."
        )
    attacked = {row.kind: row.images for row in scores.rows if row.kind.startswith("pgd")}
    if attacked:
        count = next(iter(attacked.values()))
        sentences.append(f"Attacks ({write_list(list(attacked))}) are of {count:,} images.")
    if scores.comparisons:
        better: dict[str, int] = {}
        for one in scores.comparisons:
            if one.better is not None:
                better[one.better] = better.get(one.better, 0) + 1
        words = [f"{model} in {count}" for model, count in better.items()]
        sentences.append(
            f"Of {len(scores.comparisons)} comparisons over the same images, one is shown to be "
            f"better: {write_list(words)}."
            if words
            else f"In none of {len(scores.comparisons)} comparisons is one shown to be better."
        )
    return " ".join([*sentences, "Bands are Wilson's 95 % intervals."])


def _describe_steps(rows: Sequence[Robustness], kinds: Sequence[str]) -> str:
    words = []
    for kind in kinds:
        worst = max((row for row in rows if row.kind == kind), key=lambda row: row.severity)
        text = f"{kind} {worst.severity}: {100 * worst.late:+z.1f}"
        low, high = worst.late_gain_low, worst.late_gain_high
        if worst.late_gain is not None and low is not None and high is not None:
            text += (
                f" (less what it is when clean: {100 * worst.late_gain:+z.1f}, "
                f"{100 * low:+z.1f} to {100 * high:+z.1f})"
            )
        words.append(text)
    clean = next(row for row in rows if row.kind == CLEAN)
    last = clean.first + len(clean.accuracy_by_step) - 1
    return (
        f"{clean.model}, step {last} less step {clean.first}, the first that depends on the "
        f"image, in points of top-1: clean {100 * clean.late:+z.1f}, {write_list(words)}. "
        "Without colour: clean images; the fainter a line, the lower the severity."
    )
