"""Shares of options: counted again here, one trial at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats  # type: ignore[import-untyped]

from dashboards.figures.choices import (
    MOMENTS,
    code_options,
    count_best,
    draw_choices,
    rank_differences,
    share_options,
)
from space.choices.domains import Categorical, Integer, Parameter, Uniform
from tests.support.charts import find_units
from tests.support.searched import make_searched


def options_of(domain: Categorical | Integer | Uniform, values: list[object]) -> list[str]:
    default = domain.middle
    parameter = Parameter(path="a", domain=domain, default=default, condition=())
    codes, names = code_options(parameter, pd.Series(values))
    return ["not made" if code < 0 else names[code] for code in codes]


def test_options_by_name_and_thirds_of_ranges() -> None:
    kernels = Categorical(options=(1, 3, 5))
    assert options_of(kernels, [3.0, np.nan, 1.0]) == ["3", "not made", "1"]
    assert options_of(Categorical(options=(False, True)), [True, None]) == ["yes", "not made"]
    assert options_of(Integer(low=2, high=4), [2, 4]) == ["2", "4"]
    assert options_of(Integer(low=1, high=90), [1, 45, 90]) == ["low", "middle", "high"]
    rates = Uniform(low=1e-3, high=1e-1, log=True)
    assert options_of(rates, [1e-3, 1e-2, 1e-1, np.nan]) == ["low", "middle", "high", "not made"]


def test_shares_and_intervals_are_those_of_a_count_by_hand() -> None:
    searched = make_searched(trials=400)
    table = share_options(searched)
    trials = searched.suggested.reset_index(drop=True)
    moments = sorted(set(table["sample"]))
    assert len(moments) == MOMENTS
    assert moments[-1] == len(trials)
    full_at_all = int((trials["status"] == "finished").sum())
    for moment in (moments[0], moments[-1]):
        so_far = trials.iloc[:moment]
        full = so_far[so_far["status"] == "finished"].sort_values("top1", ascending=False)
        best = full.head(count_best(full_at_all))
        for choice, option, value in (
            ("hidden", "present", "present"),
            ("hidden.depth", "8", 8),
            ("conv3->conv2", "yes", True),
        ):
            column = f"choice.{choice}"
            made, every = best[column].dropna(), so_far[column].dropna()
            [row] = table[
                (table["choice"] == choice)
                & (table["option"] == option)
                & (table["sample"] == moment)
            ].to_dict("records")
            hits = int((made == value).sum())
            bounds = stats.binomtest(hits, len(made)).proportion_ci(method="wilson")
            assert row["share_best"] == pytest.approx(hits / len(made))
            assert (row["low"], row["high"]) == pytest.approx((bounds.low, bounds.high))
            assert row["share_all"] == pytest.approx((every == value).mean())
            assert (row["made_best"], row["made_all"]) == (len(made), len(every))


def test_what_is_worth_something_comes_first() -> None:
    ranked = rank_differences(share_options(make_searched(trials=1500, noise=0.01)))
    first = list(dict.fromkeys(ranked["choice"]))[:3]
    assert set(first) == {"conv3->conv2", "hidden", "hidden->out by"}
    rows = ranked[ranked["clear"] > 0].drop_duplicates("choice").set_index("choice")["option"]
    assert [rows[one] for one in sorted(first)] == ["yes", "present", "add"]


def test_of_two_options_one_line_is_drawn_and_of_three_all() -> None:
    figure = draw_choices([make_searched(trials=400)])
    assert figure is not None
    lines = next(unit["frame"] for unit in find_units(figure) if unit["type"] == "line")
    counts = lines.groupby("title")["option"].nunique()
    assert counts["hidden"] == counts["conv3->conv2"] == 1
    assert set(counts) <= {1, 3}
    assert figure.frame["choice"].nunique() > len(counts) == 9
    assert "against all samples" in figure.text


def test_before_ten_full_trainings_there_is_no_figure() -> None:
    assert count_best(9) == 0
    assert count_best(10) == 5
    assert count_best(1000) == 50
    searched = make_searched(trials=9, early_stopping=False, failed=0.0, infeasible=0.0)
    assert draw_choices([searched]) is None
    assert share_options(searched).empty
