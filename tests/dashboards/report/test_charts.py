"""A figure as the page holds it."""

import base64
from dataclasses import replace

import pandas as pd

from dashboards.report import charts
from tests.support.searched import make_searched
from tests.support.small_figures import draw_bars, draw_points


def test_a_panel_has_the_chart_its_first_rows_and_all_of_a_small_table() -> None:
    searched = make_searched(trials=60)
    panel = charts.make_panel(draw_points([searched]))
    assert (panel.name, panel.text) == ("points", "A point a trial.")
    assert "vega-lite" in panel.spec["$schema"]
    assert panel.heads == ("trial", "top1", "cell", "status", "campaign")
    assert len(panel.rows) == charts.ROWS < panel.length
    assert panel.rows[0][0] == "0"
    assert panel.csv is not None
    written = base64.b64decode(panel.csv.partition(",")[2])
    assert written == draw_points([searched]).frame.to_csv(index=False).encode()


def test_a_large_table_is_left_to_files() -> None:
    figure = draw_points([make_searched(trials=20)])
    large = pd.concat([figure.frame] * 100)
    assert charts.make_panel(replace(figure, frame=large)).csv is None
    grows = pd.DataFrame({"text": ["a"] * 60 + ["b" * charts.CSV_BYTES]})
    assert charts.make_panel(replace(figure, frame=grows)).csv is None


def test_a_figure_without_rows_is_a_panel_as_well() -> None:
    figure = draw_bars([make_searched(trials=20)])
    assert figure is not None
    panel = charts.make_panel(replace(figure, frame=figure.frame.head(0)))
    assert (panel.rows, panel.length) == ((), 0)
