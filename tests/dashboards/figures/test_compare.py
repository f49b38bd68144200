"""Campaigns side by side: in one panel only what compares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from dashboards.figures.compare import draw_compare
from dashboards.figures.progress import window_of
from tests.support.charts import find_units
from tests.support.searched import DATA, make_searched


def panels_of(figure: Any) -> list[Any]:
    panels: list[Any] = figure.chart.to_dict()["vconcat"]
    return panels


def test_two_samplers_on_one_data_set_share_a_panel() -> None:
    guided = {"sampler": {"name": "guided"}}
    campaigns = [
        make_searched(trials=200, name="one"),
        make_searched(trials=300, name="two", seed=1, document=guided),
    ]
    figure = draw_compare(campaigns)
    assert figure is not None
    assert len(panels_of(figure)) == 1
    assert "one (random, space motifs-small) reaches" in figure.text
    assert "two (guided, space motifs-small) reaches" in figure.text
    assert "do not compare" not in figure.text
    for one in campaigns:
        rows = figure.frame[figure.frame["campaign"] == one.name]
        full = one.suggested[one.suggested["status"] == "finished"]
        assert rows["best"].iloc[-1] == full["top1"].max()
        assert f"reaches {full['top1'].max():.3f}" in figure.text


@pytest.mark.parametrize(
    "other",
    [
        {"data": {**DATA, "checksum": "c1"}},
        {"document": {"recipe": {"epochs": 6}}},
    ],
    ids=["images", "epochs"],
)
def test_what_does_not_compare_stands_in_panels_apart(other: dict[str, Any]) -> None:
    campaigns = [make_searched(trials=80, name="a"), make_searched(trials=80, name="b", **other)]
    figure = draw_compare(campaigns)
    assert figure is not None
    titles = [panel["title"] for panel in panels_of(figure)]
    assert len(set(titles)) == 2
    assert "their scores do not compare" in figure.text
    assert figure.frame.groupby("scores")["campaign"].nunique().tolist() == [1, 1]


def test_another_split_does_not_compare() -> None:
    campaigns = [make_searched(trials=80, name=name) for name in ("a", "b")]
    campaigns[1].trials["split"] = "test"
    figure = draw_compare(campaigns)
    assert figure is not None
    assert len(panels_of(figure)) == 2


def test_the_interval_of_the_running_mean_is_students() -> None:
    campaigns = [
        make_searched(trials=2000, name="a"),
        make_searched(trials=500, name="b", seed=1),
    ]
    figure = draw_compare(campaigns)
    assert figure is not None
    full, fewer = (one.suggested[one.suggested["status"] == "finished"] for one in campaigns)
    window = window_of(len(fewer))  # one for both
    assert window < window_of(len(full))
    assert f"mean of the last {window} full trainings" in figure.text
    last = figure.frame[figure.frame["campaign"] == "a"].iloc[-1]
    scores = full["top1"].to_numpy()[-window:]
    bounds = stats.ttest_1samp(scores, 0.0).confidence_interval()
    assert last["mean"] == pytest.approx(np.mean(scores))
    assert (last["low"], last["high"]) == pytest.approx((bounds.low, bounds.high))


def test_a_line_is_thinned_but_never_where_the_best_grows() -> None:
    campaigns = [
        make_searched(trials=4000, name=name, seed=n, early_stopping=False)
        for n, name in enumerate("ab")
    ]
    figure = draw_compare(campaigns)
    assert figure is not None
    lines = next(unit["frame"] for unit in find_units(figure) if unit["type"] == "line")
    assert len(lines) < 1000 < len(figure.frame)
    for name in "ab":
        drawn = lines.loc[lines["campaign"] == name, "best"]
        every = figure.frame.loc[figure.frame["campaign"] == name, "best"]
        assert set(drawn) == set(every.round(4))


def test_one_campaign_is_compared_with_nothing() -> None:
    assert draw_compare([make_searched(trials=50)]) is None
    empty = [make_searched(trials=0, name="a"), make_searched(trials=0, name="b")]
    assert draw_compare(empty) is None
    figure = draw_compare([empty[0], make_searched(trials=50, name="c")])
    assert figure is not None
    assert "Without a full training: a." in figure.text
