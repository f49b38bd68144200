"""Preferred layers: a row of panels a model, bars with intervals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboards.figures.files import draw_svg
from dashboards.figures.neural_layers import draw_neural_layers
from tests.support.charts import find_units
from tests.support.panels import make_panel


def test_shares_are_bars_with_intervals() -> None:
    figure = draw_neural_layers(make_panel())
    assert figure is not None
    bars = [one["frame"] for one in find_units(figure) if one["style"] == "bar"]
    assert [one["share"].tolist() for one in bars] == [[1, 0], [0, 1]] * 2
    rules = [one["frame"] for one in find_units(figure) if one["style"] == "interval"]
    low, high = [0.886, 0], [1, 0.114]  # Wilson's of 30 neurons of 30, and of none
    for one, bounds in zip(rules, [(low, high), (low[::-1], high[::-1])] * 2, strict=True):
        assert one["low"].tolist() == pytest.approx(bounds[0], abs=1e-3)
        assert one["high"].tolist() == pytest.approx(bounds[1], abs=1e-3)
    assert "ours: low for 100% (89% to 100%) of 30 neurons of V4." in figure.text
    svg = draw_svg(figure)
    for word in ("V4", "IT", "ours, 30 neurons", "feedforward, 30 neurons", "low", "high"):
        assert f">{word}<" in svg


def test_a_network_of_one_layer_has_nothing_to_show() -> None:
    panel = make_panel()
    ours, control = panel.models
    single = replace(
        control, areas=tuple(replace(area, shares=area.shares[:1]) for area in control.areas)
    )
    figure = draw_neural_layers(replace(panel, models=(ours, single)))
    assert figure is not None
    assert "feedforward" not in draw_svg(figure).partition("</desc>")[2]
    assert draw_neural_layers(replace(panel, models=(single,))) is None
    without = replace(ours, areas=tuple(replace(area, shares=()) for area in ours.areas))
    assert draw_neural_layers(replace(panel, models=(without,))) is None


def test_an_area_that_prefers_nothing_is_said_to() -> None:
    ours, _ = (panel := make_panel()).models
    nothing = [
        replace(one, neurons=0, share=float("nan"), low=float("nan"), high=float("nan"))
        for one in ours.areas[0].shares
    ]
    areas = (replace(ours.areas[0], shares=tuple(nothing)), ours.areas[1])
    figure = draw_neural_layers(replace(panel, models=(replace(ours, areas=areas),)))
    assert figure is not None
    assert "ours: no neuron of V4 prefers a layer." in figure.text
    draw_svg(figure)
