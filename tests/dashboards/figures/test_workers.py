"""The timeline: trials in slots, none over another, and how many ran at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.figures.workers import (
    assign_slots,
    count_running,
    draw_workers,
    tabulate_runs,
)
from tests.support.charts import find_units
from tests.support.searched import make_searched

RUNS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), max_size=30)


@given(RUNS)
def test_no_two_in_a_slot_overlap_and_there_are_no_more_slots_than_needed(
    runs: list[tuple[int, int]],
) -> None:
    started = [float(start) for start, _ in runs]
    ended = [float(start + length) for start, length in runs]
    slots = assign_slots(started, ended)
    for a in range(len(runs)):
        for b in range(a):
            if slots[a] == slots[b]:
                assert ended[a] <= started[b] or ended[b] <= started[a]
    at_once = max(
        (sum(s <= at < e for s, e in zip(started, ended, strict=True)) for at in started),
        default=0,
    )
    assert len(set(slots)) == at_once


@pytest.mark.parametrize("workers", [1, 3])
def test_a_campaign_has_as_many_slots_as_workers(workers: int) -> None:
    searched = make_searched(trials=60, workers=workers, infeasible=0.2)
    table = tabulate_runs(searched)
    assert table["slot"].max() == workers
    assert len(table) == (searched.trials["status"] != "infeasible").sum()
    figure = draw_workers([searched])
    assert figure is not None
    assert f"on {workers} slot" in figure.text


def test_one_that_runs_lasts_until_now() -> None:
    searched = make_searched(trials=20, running=2)
    table = tabulate_runs(searched)
    running = table[table["kind"] == "running"]
    assert len(running) == 2
    assert set(running["end"]) == {table["end"].max()}


def test_how_many_ran_at_once_is_the_time_that_trials_took() -> None:
    table = tabulate_runs(make_searched(trials=200, workers=4))
    running = count_running(table, moments=50)
    width = table["end"].max() / 50
    worked = (table["end"] - table["start"]).sum()
    assert running["running"].sum() * width == pytest.approx(worked)
    assert running["running"].max() <= 4 + 1e-9
    for moment in (0, 17, 49):
        low, high = moment * width, (moment + 1) * width
        overlap = np.minimum(table["end"], high) - np.maximum(table["start"], low)
        assert running["running"][moment] == pytest.approx(overlap.clip(lower=0).sum() / width)


def test_many_trials_are_summed_up() -> None:
    figure = draw_workers([make_searched(trials=4000)])
    assert figure is not None
    assert [unit["type"] for unit in find_units(figure)] == ["area"]
    assert "Drawn is how many ran at once" in figure.text
    assert len(figure.frame) > 3500


def test_where_nothing_was_started_there_is_no_figure() -> None:
    assert draw_workers([make_searched(trials=5, infeasible=1.0, controls=0)]) is None


def test_a_pause_counts_as_running_and_the_text_says_so() -> None:
    searched = make_searched(trials=30)
    figure = draw_workers([searched])
    assert figure is not None
    assert "interrupted" not in figure.text
    searched.trials.loc[searched.trials["trial"] == 8, "attempts"] = 2
    figure = draw_workers([searched])
    assert figure is not None
    assert "1 trial was interrupted" in figure.text
