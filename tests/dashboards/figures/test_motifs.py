"""Motifs: their shares among the best and among all, and their importance."""

from __future__ import annotations

import pytest

from dashboards.figures.motifs import draw_motifs
from dashboards.importance import rank_motifs
from tests.support.charts import find_style, find_units
from tests.support.searched import make_searched


def test_shares_and_importance_stand_side_by_side() -> None:
    searched = make_searched(trials=300)
    ranked = rank_motifs(searched)
    figure = draw_motifs([searched])
    assert figure is not None
    assert figure.frame["motif"].tolist() == [one.motif for one in ranked]
    points = next(unit for unit in find_units(figure) if unit["type"] == "point")
    assert points["frame"]["share_best"].tolist() == pytest.approx(
        [one.share_best for one in ranked], rel=1e-3
    )
    assert points["encoding"]["y"]["sort"] == [one.motif for one in ranked]
    assert find_style(figure, "bar")["name"].tolist() == [one.motif for one in ranked]
    first = ranked[0]
    assert f"{first.motif} in {first.share_best:.0%} of the best" in figure.text


def test_campaigns_that_know_no_motifs_have_no_figure() -> None:
    searched = make_searched(trials=300)
    searched.trials.drop(columns="motifs", inplace=True)
    assert draw_motifs([searched]) is None
