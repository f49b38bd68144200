"""Pairs of choices: each once, with what the ranking says."""

from __future__ import annotations

from dashboards.figures.pairs import draw_pairs
from dashboards.importance import rank_pairs
from tests.support.charts import find_units
from tests.support.searched import make_searched


def test_each_pair_stands_once_below_the_diagonal() -> None:
    searched = make_searched(trials=400)
    ranked = rank_pairs(searched)
    figure = draw_pairs([searched])
    assert figure is not None
    units = find_units(figure)
    cells = units[0]["frame"]
    assert {frozenset(pair) for pair in zip(cells["row"], cells["column"], strict=True)} == {
        frozenset((one.first, one.second)) for one in ranked
    }
    assert len(cells) == len(ranked)
    columns = units[0]["encoding"]["x"]["sort"]
    rows = units[0]["encoding"]["y"]["sort"]
    names = [columns[0], *rows]
    assert names[:-1] == columns
    for row, column in zip(cells["row"], cells["column"], strict=True):
        assert names.index(column) < names.index(row)
    marked = cells["words"].astype(str).str.contains("*", regex=False).sum()
    assert marked == sum(one.low > 0 for one in ranked)
    assert figure.text.startswith("None of 15 pairs" if marked == 0 else "Of 15 pairs among")


def test_of_few_trials_there_is_no_figure() -> None:
    assert draw_pairs([make_searched(trials=10)]) is None
