"""What the best cells are made of: each choice's options among the best against among all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import shorten, space_out, write_count, write_list
from dashboards.figures.outcomes import MOST, keep_full, number_samples
from dashboards.figures.panels import stack_panels
from dashboards.figures.theme import SMALL
from dashboards.frames import CHOICE
from dashboards.searched import Searched
from space.choices.domains import Categorical, Integer, Parameter, Scalar
from workers.shares import bound_share

Codes = npt.NDArray[np.int64]

WIDTH, HEIGHT, ACROSS = 104, 62, 3
LABEL = 8.0
MOMENTS = 16
"""Moments of the search at which the shares are taken."""
SHOWN = 9
"""So many choices are drawn, those in which the best differ most; the table has all."""
LINE_NAMES = ("a", "b", "c", "d")
LINES = len(LINE_NAMES)
"""So many options of a choice are drawn, in these colours."""
PARTS = ("low", "middle", "high")
"""The thirds of a range of numbers."""
MOST_OPTIONS = 8
"""A range of more whole numbers is cut into thirds, too."""


def draw_choices(campaigns: Sequence[Searched]) -> Figure | None:
    """Shares over the course of the search. None before enough trainings came to an end."""
    return stack_panels(campaigns, _draw_one, MOST)


def count_best(full: int) -> int:
    """How many are "the best" of so many full trainings: a fifth, in 5..50; 0 of too few."""
    return min(50, max(5, full // 5)) if full >= 10 else 0


def code_options(parameter: Parameter, values: pd.Series) -> tuple[Codes, tuple[str, ...]]:
    """The options of a choice by name, and of each value the place of its option.

    A number of a range is of one of its thirds. The place is -1 where the choice was not made.
    """
    domain = parameter.domain
    if isinstance(domain, Integer) and domain.size <= MOST_OPTIONS:
        domain = Categorical(options=tuple(range(domain.low, domain.high + 1)))
    if isinstance(domain, Categorical):
        codes, seen = pd.factorize(values)
        places = {option: place for place, option in enumerate(domain.options)}
        found = np.array([*(places.get(one, -1) for one in seen), -1], dtype=np.int64)
        return found[codes], tuple(write_option(option) for option in domain.options)
    scale = np.log if domain.log else np.asarray
    low, high = (float(scale(end)) for end in (domain.low, domain.high))
    part = (scale(values.to_numpy(float)) - low) / ((high - low) or 1.0) * len(PARTS)
    thirds = np.clip(np.nan_to_num(part), 0, len(PARTS) - 1).astype(np.int64)
    return np.where(np.isnan(part), -1, thirds), PARTS


def write_option(option: Scalar) -> str:
    """An option as a label: `3` also where a frame made it 3.0."""
    if isinstance(option, bool | np.bool_):
        return "yes" if option else "no"
    if isinstance(option, float) and option.is_integer():
        return str(int(option))
    return str(option)


@dataclass(frozen=True, kw_only=True)
class _Moments:
    """The course of a search: at each moment which samples there are, and which are the best."""

    samples: tuple[int, ...]
    best: tuple[frozenset[int], ...]
    counted: int


def _find_moments(frame: pd.DataFrame, full: pd.DataFrame, moments: int) -> _Moments:
    """From when there are twice as many full trainings as best ones, to the end."""
    counted = count_best(len(full))
    order = full["sample"].to_numpy(int)
    first = order[min(len(order), 2 * counted) - 1]
    last = int(frame["sample"].max())
    samples = sorted({int(one) for one in np.linspace(last, first, moments)})
    ranked = full.sort_values(["top1", "sample"], ascending=[False, True])
    best = []
    for moment in samples:
        so_far = ranked[ranked["sample"] <= moment]
        best.append(frozenset(so_far["trial"].head(counted).astype(int)))
    return _Moments(samples=tuple(samples), best=tuple(best), counted=counted)


def share_options(searched: Searched, moments: int = MOMENTS) -> pd.DataFrame:
    """The share of every option among the best full trainings and among all that was sampled.

    At so many `moments`, the end of the search alone if 1.

    Rows `choice`, `option`, `sample` (up to which), `share_best` with Wilson's `low` and `high`,
    `share_all`, `made_best` and `made_all`: shares are of those that made the choice at all.
    """
    columns = ["choice", "option", "sample", "share_best", "low", "high"]
    columns += ["share_all", "made_best", "made_all"]
    frame = number_samples(searched, controls=False)
    full = keep_full(frame, searched)
    if not count_best(len(full)):
        return pd.DataFrame(columns=columns)
    course = _find_moments(frame, full, moments)
    trials = frame["trial"].to_numpy(int)
    masks = [np.isin(trials, list(best)) for best in course.best]
    rows: list[tuple[object, ...]] = []
    for parameter in searched.space.parameters:
        column = f"{CHOICE}{parameter.path}"
        if column not in frame:
            continue
        codes, names = code_options(parameter, frame[column])
        for moment, mask in zip(course.samples, masks, strict=True):
            best = np.bincount(codes[mask & (codes >= 0)], minlength=len(names))
            so_far = codes[:moment]  # samples are numbered from 1 in the frame's order
            every = np.bincount(so_far[so_far >= 0], minlength=len(names))
            made, of = int(best.sum()), int(every.sum())
            for name, hits, count in zip(names, best, every, strict=True):
                one = bound_share(int(hits), made)
                share = int(count) / of if of else math.nan
                row = (parameter.path, name, moment, one.value, one.low, one.high)
                rows.append((*row, share, made, of))
    return pd.DataFrame(rows, columns=columns)


def rank_differences(table: pd.DataFrame) -> pd.DataFrame:
    """Options at the end of the search, that of the clearest difference first.

    How clear: the difference of the shares over the standard error of the best's, were they drawn
    as all are.
    """
    end = table[table["sample"] == table["sample"].max()].dropna(subset=["share_best"])
    spread = np.sqrt(end["share_all"] * (1 - end["share_all"]) / end["made_best"].clip(lower=1))
    clear = (end["share_best"] - end["share_all"]) / spread.replace(0.0, np.nan)
    ranked = end.assign(clear=clear.fillna(0.0))
    order = np.argsort(-ranked["clear"].abs().to_numpy(), kind="stable")
    return pd.DataFrame(ranked.iloc[order])


def _draw_one(searched: Searched, _most: int) -> Figure | None:
    table = share_options(searched)
    ranked = rank_differences(table)
    if ranked.empty:
        return None
    choices = list(dict.fromkeys(ranked["choice"]))[:SHOWN]
    shown = pd.concat([_choose_lines(table, ranked, choice) for choice in choices])
    full = keep_full(number_samples(searched, controls=False), searched)
    return Figure(
        name="choices",
        title="What the best cells are made of",
        text=_describe(ranked, len(choices), count_best(len(full)), len(full)),
        chart=_draw_panels(shown, choices),
        frame=table,
    )


def _choose_lines(table: pd.DataFrame, ranked: pd.DataFrame, choice: str) -> pd.DataFrame:
    """The rows of a choice's options to be drawn, with their `line` and the `place` of its label.

    Of two options one says all: that of which the best have more.
    """
    of_choice = ranked[ranked["choice"] == choice].sort_values("clear", ascending=False)
    options = of_choice["option"].tolist()
    options = options[:1] if len(options) == 2 else options[:LINES]
    shown = table[(table["choice"] == choice) & table["option"].isin(options)]
    ends = of_choice.set_index("option")["share_best"]
    places = space_out([float(ends[one]) for one in options], LABEL / HEIGHT, 0.0, 1.0)
    last = shown["sample"] == shown["sample"].max()
    lines = shown["option"].map({one: LINE_NAMES[n] for n, one in enumerate(options)})
    place = shown["option"].map(dict(zip(options, places, strict=True)))
    return shown.assign(line=lines, place=place.where(last), title=shorten(choice, 32))


def _draw_panels(shown: pd.DataFrame, choices: Sequence[str]) -> alt.FacetChart:
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(values=[0, 0.5, 1], format=".0%")
    domain = [int(shown["sample"].min()), max(int(shown["sample"].max()), 2)]
    x = alt.X(
        "sample:Q",
        title="sample number",
        scale=alt.Scale(domain=domain, nice=False),
        axis=alt.Axis(tickCount=3, format="~s"),
    )
    y = partial(alt.Y, scale=scale, axis=axis, title="share")
    colour = alt.Color(
        "line:N", scale=alt.Scale(domain=list(LINE_NAMES), range="category"), legend=None
    )
    base = alt.Chart().encode(x=x, color=colour)
    layered = alt.layer(
        base.mark_area(opacity=0.18).encode(y=y("low:Q"), y2="high:Q"),
        base.mark_line(strokeWidth=0.9, strokeDash=[2, 2]).encode(y=y("share_all:Q")),
        base.mark_line(strokeWidth=1.3).encode(y=y("share_best:Q")),
        base.transform_filter("isValid(datum.place)")
        .mark_text(align="left", baseline="middle", dx=3, fontSize=SMALL)
        .encode(y=y("place:Q"), text="option:N"),
    ).properties(width=WIDTH, height=HEIGHT)
    columns = ["title", "option", "line", "sample", "share_best", "low", "high", "share_all"]
    data = shown[[*columns, "place"]].assign(
        option=[shorten(str(one), 13) for one in shown["option"]]
    )
    header = alt.Header(title=None, labelAnchor="start", labelFontWeight="bold", labelPadding=2)
    order = [shorten(choice, 32) for choice in choices]
    return layered.facet(
        alt.Facet("title:N", sort=order, header=header),
        columns=ACROSS,
        data=write_inline(data, dict.fromkeys(columns[4:], 3)),
        spacing={"column": 56, "row": 26},
        bounds="flush",
    )


def _describe(ranked: pd.DataFrame, shown: int, best: int, full: int) -> str:
    first = ranked[ranked["choice"].isin(ranked["choice"].drop_duplicates().head(3))]
    most = first.sort_values("clear", ascending=False, kind="stable").drop_duplicates("choice")
    words = [
        f"{row['choice']} = {row['option']} in {row['share_best']:.0%} "
        f"({row['low']:.0%} to {row['high']:.0%}) against {row['share_all']:.0%}"
        for row in most.to_dict("records")
    ]
    total = ranked["choice"].nunique()
    return (
        f"Among the best {best} of {write_count(full, 'full training')} (solid, Wilson's 95 % "
        f"interval) against all samples (dashed) at the end of the search: {write_list(words)}. "
        f"Shares are of the cells that made the choice; drawn are the {shown} of "
        f"{write_count(total, 'choice')} in which the best differ most, which chance alone makes "
        "differ too."
    )
