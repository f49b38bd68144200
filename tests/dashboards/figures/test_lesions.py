"""Cause beside association: of each part of the best lesioned network."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy import stats  # type: ignore[import-untyped]

from dashboards.figures.lesions import ASSOCIATED, KEPT, SHOWN, TRAINED, draw_lesions
from dashboards.searched import Searched
from tests.support.charts import find_units
from tests.support.searched import make_searched

Row = tuple[str, str, float, float, float, bool]


def lesioned(trial: int, *rows: Row) -> Searched:
    searched = make_searched(trials=400, early_stopping=False)
    names = ["part", "kind", "difference", "low", "high", "retrained"]
    lesions = pd.DataFrame(rows, columns=names).assign(trial=trial)
    object.__setattr__(searched, "lesions", lesions)
    return searched


def test_a_part_has_its_lesions_and_the_association_of_its_motif() -> None:
    searched = lesioned(
        9,
        ("hidden->out plus", "edge", -0.2, -0.25, -0.15, False),
        ("hidden->out plus", "edge", -0.02, -0.05, 0.01, True),
        ("out keep", "gate", 0.01, -0.01, 0.02, False),
        ("conv3->conv2", "feedback", -0.1, -0.12, -0.07, False),
        ("input->out", "edge", float("nan"), float("nan"), float("nan"), True),
    )
    figure = draw_lesions([searched])
    assert figure is not None
    table = figure.frame.set_index(["part", "measure"])
    assert table.loc[("hidden->out plus", KEPT), "difference"] == -0.2
    assert table.loc[("hidden->out plus", TRAINED), "difference"] == -0.02
    assert "input->out" not in set(figure.frame["part"])
    full = searched.suggested[searched.suggested["status"] == "finished"]
    for part, word in (
        ("hidden->out plus", "hidden->out plus"),
        ("out keep", "out keeps"),
        ("conv3->conv2", "feedback 3->2"),
    ):
        there = full["motifs"].map(lambda motifs, word=word: word in motifs)
        test = stats.ttest_ind(full["top1"][~there], full["top1"][there], equal_var=False)
        bounds = test.confidence_interval()
        of_part = (figure.frame["part"] == part) & (figure.frame["measure"] == ASSOCIATED)
        [row] = figure.frame[of_part].to_dict("records")
        expected = full["top1"][~there].mean() - full["top1"][there].mean()
        assert row["difference"] == pytest.approx(expected)
        assert (row["low"], row["high"]) == pytest.approx((bounds.low, bounds.high))
    order = next(u["encoding"]["y"]["sort"] for u in find_units(figure) if u["type"] == "point")
    assert order == ["hidden->out plus", "conv3->conv2", "out keep"]
    assert "hidden->out plus -0.200 (-0.250 to -0.150)" in figure.text
    assert "not cause" in figure.text


def test_of_many_parts_those_that_change_most_are_drawn() -> None:
    rows = [(f"part {n}", "edge", -0.01 * n, -0.3, 0.1, False) for n in range(30)]
    figure = draw_lesions([lesioned(9, *rows)])
    assert figure is not None
    order = next(u["encoding"]["y"]["sort"] for u in find_units(figure) if u["type"] == "point")
    assert order == [f"part {n}" for n in range(29, 29 - SHOWN, -1)]
    assert f"Drawn are the {SHOWN} parts" in figure.text
    assert len(figure.frame) == 30


def test_without_lesions_there_is_no_figure() -> None:
    assert draw_lesions([make_searched(trials=30)]) is None
