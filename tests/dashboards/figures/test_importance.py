"""Bars of importance say what the ranking says."""

from __future__ import annotations

from dashboards.figures.importance import SHOWN, draw_importance
from dashboards.importance import rank_choices
from tests.support.charts import find_style, find_units
from tests.support.searched import make_searched


def test_the_bars_are_the_first_of_the_ranking() -> None:
    searched = make_searched(trials=300)
    ranked = rank_choices(searched)
    figure = draw_importance([searched])
    assert figure is not None
    assert figure.frame["choice"].tolist() == [one.choice for one in ranked]
    assert list(figure.frame) == ["choice", "value", "low", "high"]
    bars = find_style(figure, "bar")
    assert len(bars) == SHOWN
    first = ranked[0]
    row = bars.iloc[0]
    assert abs(row["value"] - first.value) < 1e-4 * 5
    assert row["low"] <= row["value"] <= row["high"]
    sort = next(unit["encoding"]["y"]["sort"] for unit in find_units(figure))
    assert sort == bars["name"].tolist()
    assert f"{first.choice} {first.value:.0%}" in figure.text


def test_of_few_trials_there_is_no_figure() -> None:
    assert draw_importance([make_searched(trials=10)]) is None
