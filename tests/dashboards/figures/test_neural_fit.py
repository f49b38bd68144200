"""Times that were tried: a line a length of step, a ring around what was chosen."""

from __future__ import annotations

from dataclasses import replace

from dashboards.figures.files import draw_svg
from dashboards.figures.neural_fit import draw_neural_fit
from tests.support.charts import find_style, find_units
from tests.support.panels import make_panel
from workers.brains.timing import TimeCandidate, TimeFit, TimeMapping


def test_what_was_tried_and_chosen_is_shown() -> None:
    panel = make_panel()
    ours, control = panel.models
    tried = tuple(
        TimeCandidate(TimeMapping(length, offset), 0.5 - abs(offset - 40) / 100 - length / 100, 5)
        for length in (10, 20)
        for offset in (20, 40, 60)
    )
    fit = TimeFit(mapping=TimeMapping(10, 40), candidates=tried, stimuli=20)
    figure = draw_neural_fit(replace(panel, models=(replace(ours, time_fit=fit), control)))
    assert figure is not None
    assert len(figure.frame) == 6
    (line,) = [one for one in find_units(figure) if one["type"] == "line"]
    assert line["frame"]["length"].tolist() == ["10 ms"] * 3 + ["20 ms"] * 3
    assert find_style(figure, "far").to_numpy().tolist() == [[40, 0.4]]
    assert figure.text.endswith(
        "ours: 10 ms a step from 40 ms on, score 0.400, of 6 tried, the worst 0.100 (20 stimuli)."
    )
    svg = draw_svg(figure)
    for word in ("ours", "10 ms", "20 ms", "ms from image onset to step 0"):
        assert f">{word}<" in svg


def test_without_a_fit_there_is_no_figure() -> None:
    panel = make_panel()
    assert draw_neural_fit(replace(panel, models=panel.models[1:])) is None
