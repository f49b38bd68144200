"""Several campaigns in one figure: a panel each, under its name."""

from __future__ import annotations

from dashboards.figures.panels import name_apart, stack_panels
from dashboards.figures.progress import draw_progress
from tests.support.searched import make_searched


def test_each_campaign_has_a_panel_and_its_numbers() -> None:
    campaigns = [make_searched(trials=30, name="one"), make_searched(trials=20, name="two")]
    figure = draw_progress(campaigns)
    assert figure is not None
    panels = figure.chart.to_dict()["vconcat"]
    assert [panel["title"] for panel in panels] == ["one", "two"]
    assert figure.frame["campaign"].value_counts().to_dict() == {"one": 30, "two": 20}
    assert figure.text.count("one: ") == figure.text.count("two: ") == 1


def test_a_campaign_with_nothing_to_show_has_no_panel() -> None:
    campaigns = [make_searched(trials=0, name="empty"), make_searched(trials=20, name="two")]
    figure = draw_progress(campaigns)
    assert figure is not None
    assert [panel["title"] for panel in figure.chart.to_dict()["vconcat"]] == ["two"]
    assert stack_panels(campaigns, lambda _one, _most: None, 10) is None


def test_namesakes_are_told_apart_by_their_ids() -> None:
    campaigns = [make_searched(trials=1, name="same") for _ in range(2)]
    assert set(name_apart(campaigns).values()) == {f"same ({campaigns[0].id})"}
