"""Scores over time: a panel an area, a line a model, the highest score, words that fit both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboards.figures.files import draw_svg
from dashboards.figures.neural_time import draw_neural_time
from dashboards.neural import tabulate_times
from tests.support.charts import find_style, find_units
from tests.support.panels import BINS, make_panel


def test_a_panel_an_area_and_a_line_a_model() -> None:
    panel = make_panel()
    figure = draw_neural_time(panel)
    assert figure is not None
    assert figure.frame.equals(tabulate_times(panel))
    lines = [one for one in find_units(figure) if one["type"] == "line" and not one["style"]]
    assert len(lines) == 2
    for line, area in zip(lines, ("V4", "IT"), strict=True):
        of_area = figure.frame[figure.frame["area"] == area]
        assert line["frame"]["model"].tolist() == of_area["model"].tolist()
        assert line["frame"]["score"].tolist() == pytest.approx(
            of_area["score"].tolist(), abs=1e-3, nan_ok=True
        )
        assert set(line["frame"]["kind"]) == {"model", "control"}
    bound = find_style(figure, "chance")
    assert bound["highest"].tolist() == pytest.approx([0.8] * BINS)
    svg = draw_svg(figure)
    for word in ("V4", "IT", "ours", "feedforward", "ms from image onset"):
        assert f">{word}<" in svg


def test_the_text_says_what_is_against_what() -> None:
    figure = draw_neural_time(make_panel())
    assert figure is not None
    for words in (
        "standard error over 2 splits",
        "ours: low for V4 and high for IT.",
        "A step of ours is 10 ms from 40 ms on (fitted on 20 stimuli held in).",
        "V4: ours is above feedforward (+0.",
    ):
        assert words in figure.text


def test_names_from_outside_stay_text() -> None:
    panel = make_panel(areas=("<b>V4</b>\n",))
    named = tuple(replace(one, name=f"<i>{one.name}</i>" + "x" * 90) for one in panel.models)
    figure = draw_neural_time(replace(panel, models=named))
    assert figure is not None
    assert "<b>" not in draw_svg(figure)
    assert "<i>" not in draw_svg(figure)


def test_without_time_or_splits_there_is_no_figure() -> None:
    panel = make_panel()
    assert draw_neural_time(replace(panel, edges=())) is None
    unchosen = [
        replace(one, areas=tuple(replace(area, layer=None) for area in one.areas))
        for one in panel.models
    ]
    assert draw_neural_time(replace(panel, models=tuple(unchosen))) is None
