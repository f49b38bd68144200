"""What the workers did: which trial ran when."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.inline import write_inline
from dashboards.figures.labels import write_count, write_list
from dashboards.figures.panels import stack_panels
from dashboards.searched import Searched

WIDTH, ROW, TALL = 420, 12, 150
BARS = 2500
"""Trials that are drawn one by one; of more, how many ran at once."""
MOMENTS = 240
KINDS = ("finished", "pruned", "failed", "running", "control")


def draw_workers(campaigns: Sequence[Searched]) -> Figure | None:
    """The timeline of trials, one panel a campaign. None where none was started."""
    return stack_panels(campaigns, _draw_one, BARS)


def assign_slots(started: Sequence[float], ended: Sequence[float]) -> list[int]:
    """A slot (from 0) for each interval, so that no two in one slot overlap; as few as that takes.

    Each takes the slot that has been free for the shortest time, as a worker takes its next trial.
    """
    slots = [0] * len(started)
    busy: list[tuple[float, int]] = []  # by their end
    free: list[tuple[float, int]] = []  # by when they became free, the last first
    count = 0
    for one in sorted(range(len(started)), key=lambda place: (started[place], ended[place])):
        while busy and busy[0][0] <= started[one]:
            at, slot = heapq.heappop(busy)
            heapq.heappush(free, (-at, slot))
        if free:
            _, slot = heapq.heappop(free)
        else:
            slot, count = count, count + 1
        slots[one] = slot
        heapq.heappush(busy, (ended[one], slot))
    return slots


def tabulate_runs(searched: Searched) -> pd.DataFrame:
    """The trials that were started: `start` and `end` in hours since the first, `slot`, `kind`.

    One that runs ends at the last thing that is known of any.
    """
    trials = searched.trials
    ran = trials[trials["started"].notna() & (trials["attempts"] > 0)].copy()
    if ran.empty:
        return pd.DataFrame(columns=["trial", "start", "end", "slot", "kind", "epochs"])
    now = max(ran["started"].max(), ran["ended"].max()) if ran["ended"].notna().any() else None
    ended = ran["ended"].fillna(now if now is not None else ran["started"].max())
    first = ran["started"].min()
    start = (ran["started"] - first).dt.total_seconds() / 3600
    end = np.maximum((ended - first).dt.total_seconds() / 3600, start)
    kind = ran["status"].where(ran["origin"] != "control", "control")
    return pd.DataFrame(
        {
            "trial": ran["trial"],
            "start": start,
            "end": end,
            "slot": np.array(assign_slots(start.tolist(), end.tolist())) + 1,
            "kind": kind.where(kind.isin(KINDS), "running"),
            "epochs": ran["epochs"],
        }
    ).reset_index(drop=True)


def count_running(table: pd.DataFrame, moments: int = MOMENTS) -> pd.DataFrame:
    """How many trials ran on average in each of so many equal parts of the time, by `hour`."""
    last = float(table["end"].max())
    edges = np.linspace(0.0, last or 1.0, moments + 1)
    start, end = (np.sort(table[name].to_numpy(float)) for name in ("start", "end"))

    def spent(ends: np.ndarray) -> np.ndarray:  # hours since all of `ends`, at every edge
        sums = np.concatenate([[0.0], np.cumsum(ends)])
        passed = np.searchsorted(ends, edges, side="right")
        hours: np.ndarray = passed * edges - sums[passed]
        return hours

    worked = np.diff(spent(start) - spent(end)) / np.diff(edges)
    return pd.DataFrame({"hour": edges[:-1], "running": worked.clip(min=0.0)})


def _draw_one(searched: Searched, most: int) -> Figure | None:
    table = tabulate_runs(searched)
    if table.empty:
        return None
    unit, factor = _choose_unit(float(table["end"].max()))
    summed = len(table) > most or int(table["slot"].max()) * ROW > 3 * TALL
    if summed:
        running = count_running(table).assign(hour=lambda one: one["hour"] * factor)
        chart: alt.Chart = (
            alt.Chart(write_inline(running, {"hour": 4, "running": 3}))
            .mark_area(style="band", interpolate="step-after", opacity=0.8)
            .encode(
                x=alt.X("hour:Q", title=f"{unit} since the first start"),
                y=alt.Y("running:Q", title="trials at once"),
            )
            .properties(width=WIDTH, height=TALL)
        )
    else:
        chart = _draw_bars(table, unit, factor)
    return Figure(
        name="workers",
        title="What the workers did",
        text=_describe(searched, table, summed),
        chart=chart,
        frame=table.rename(columns={"start": "start_hours", "end": "end_hours"}),
    )


def _choose_unit(hours: float) -> tuple[str, float]:
    """A unit in which so many hours are a handy number, and how many an hour has."""
    if hours > 72:
        return "days", 1 / 24
    if hours > 1.5:
        return "hours", 1.0
    return "minutes", 60.0


def _draw_bars(table: pd.DataFrame, unit: str, factor: float) -> alt.Chart:
    kinds = [kind for kind in KINDS if kind in set(table["kind"])]
    slots = int(table["slot"].max())
    shown = table.assign(start=table["start"] * factor, end=table["end"] * factor)
    chart: alt.Chart = (
        alt.Chart(write_inline(shown[["start", "end", "slot", "kind"]], {"start": 5, "end": 5}))
        .mark_bar(height=ROW - 3)
        .encode(
            x=alt.X("start:Q", title=f"{unit} since the first start", scale=alt.Scale(nice=False)),
            x2="end",
            y=alt.Y("slot:O", title="slot"),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=kinds, range="category"),
                legend=alt.Legend(title=None, orient="top"),
            ),
        )
        .properties(width=WIDTH, height=ROW * slots)
    )
    return chart


def _describe(searched: Searched, table: pd.DataFrame, summed: bool) -> str:
    last, slots = float(table["end"].max()), int(table["slot"].max())
    worked = float((table["end"] - table["start"]).sum())
    unit, factor = _choose_unit(last)
    counts = table["kind"].value_counts()
    words = [f"{int(counts[kind]):,} {kind}" for kind in KINDS if kind in counts]
    text = (
        f"{write_count(len(table), 'trial')} ran on {write_count(slots, 'slot')} within "
        f"{last * factor:.1f} {unit}: {write_list(words)}."
    )
    if last > 0:
        text += f" A trial ran in {worked / (last * slots):.0%} of the slots' time"
        text += "; gaps are times without a driver, or of starting." if slots else "."
    again = int((searched.trials["attempts"] > 1).sum())
    if again:
        text += (
            f" {write_count(again, 'trial was', 'trials were')} interrupted and went on later: "
            "their pauses count as running, so there are more slots than workers."
        )
    trained = float(searched.trials["seconds"].fillna(0).sum()) / 3600
    if worked > 0 and trained > 0:
        text += f" {min(1.0, trained / worked):.0%} of it went into epochs."
    if summed:
        text += " Drawn is how many ran at once, on average."
    return text
