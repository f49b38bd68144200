"""A figure as files: whole, the same bytes each time, and read by what reads such files."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from dashboards.figures import Figure
from dashboards.figures.files import draw_svg, write_figure, write_spec
from dashboards.figures.progress import draw_progress
from dashboards.figures.theme import PAIRS
from tests.support.searched import make_searched

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def figure() -> Figure:
    drawn = draw_progress([make_searched(trials=40)])
    assert drawn is not None
    return drawn


def test_the_files_are_there_and_are_what_they_say(figure: Figure, tmp_path: Path) -> None:
    paths = write_figure(figure, tmp_path / "figures")
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(
        path.name for path in paths
    )
    svg, csv, document = paths
    root = ET.fromstring(svg.read_text())
    assert root.tag == f"{SVG}svg"
    assert root.get("width", "").endswith("pt")
    texts = [root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")]
    assert texts == [figure.title, figure.text]
    pd.testing.assert_frame_equal(
        pd.read_csv(csv), figure.frame.reset_index(drop=True), check_dtype=False, rtol=1e-5
    )
    spec = json.loads(document.read_text())
    assert spec["description"] == figure.text
    assert spec["config"]["background"] == "#ffffff"
    alt.Chart.from_dict(spec)


def test_the_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    files = []
    for name in ("first", "second"):
        figure = draw_progress([make_searched(trials=40)])
        assert figure is not None
        files.append([path.read_bytes() for path in write_figure(figure, tmp_path / name)])
    assert files[0] == files[1]


def test_one_picture_is_dark_on_dark_pages(figure: Figure) -> None:
    svg = draw_svg(figure)
    body = svg[svg.index("</style>") :]
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', body))
    assert used
    assert used <= set(PAIRS)
    rules = svg[svg.index("<style>") : svg.index("</style>")]
    assert "prefers-color-scheme:dark" in rules
    assert all(f'[fill="{colour}"]' in rules for colour in used)


def test_the_chart_of_a_page_has_no_colours_of_its_own(figure: Figure) -> None:
    spec = write_spec(figure)
    assert "config" not in spec
    assert not re.search(r"#[0-9a-fA-F]{6}", json.dumps(spec))


def test_a_folder_that_is_a_file_is_an_error_and_nothing_is_left(
    figure: Figure, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OSError, match="taken"):
        write_figure(figure, tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
