"""All figures are drawn, those of other packages too; a broken one is a warning."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from dashboards.figures import FIGURES, Figure
from dashboards.figures.drawing import draw_all
from dashboards.figures.files import write_figure
from dashboards.searched import Searched
from tests.support.packages import install, install_page
from tests.support.searched import make_searched

PLUGIN = """
import altair as alt
import pandas as pd

from dashboards.figures import Figure


def draw_lengths(campaigns):
    frame = pd.DataFrame({"trials": [len(one.trials) for one in campaigns]})
    chart = alt.Chart(frame).mark_bar().encode(x="trials")
    text = f"{len(campaigns)} campaigns."
    return Figure(name="lengths", title="Lengths", text=text, chart=chart, frame=frame)


def draw_broken(campaigns):
    raise KeyError("nothing")


def draw_words(campaigns):
    return "a picture"


number = 3
"""


@pytest.fixture
def small() -> Searched:
    return make_searched(trials=20)


def test_a_figure_of_an_installed_package_joins(
    small: Searched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = {
        "lengths": "figure_package.drawn:draw_lengths",
        "broken": "figure_package.drawn:draw_broken",
        "words": "figure_package.drawn:draw_words",
        "number": "figure_package.drawn:number",
        "missing": "figure_package.drawn:draw_missing",
        "progress": "figure_package.drawn:draw_lengths",
        "other name": "figure_package.drawn:draw_lengths",
        "renamed": "figure_package.drawn:draw_lengths",
    }
    site = install(
        tmp_path / "site",
        {"figure_package/drawn.py": PLUGIN},
        {"ventral.figures": offers},
        "figure-package",
    )
    monkeypatch.syspath_prepend(str(site))
    drawn = draw_all([small], {"progress": FIGURES["progress"]})
    assert [figure.name for figure in drawn.figures] == ["progress", "lengths"]
    assert drawn.figures[1].text == "1 campaigns."
    words = {
        name: [w for w in drawn.warnings if w.startswith(f'The figure "{name}"')]
        for name in offers
    }
    assert words.pop("lengths") == []
    assert {len(lines) for lines in words.values()} == {1}
    assert "could not be drawn (KeyError: 'nothing')" in words["broken"][0]
    assert "not a Figure" in words["words"][0]
    assert "is not a function" in words["number"][0]
    assert "there is a figure of that name" in words["progress"][0]
    assert "no name of a file" in words["other name"][0]
    assert "has no draw_missing" in words["missing"][0]
    assert 'it calls itself "lengths"' in words["renamed"][0]


def test_a_broken_figure_does_not_take_the_others_along(small: Searched) -> None:
    def fail(_campaigns: Sequence[Searched]) -> Figure | None:
        raise ZeroDivisionError

    def succeed(_campaigns: Sequence[Searched]) -> Figure | None:
        frame = pd.DataFrame({"a": [1]})
        chart = alt.Chart(frame).mark_bar()
        return Figure(name="second", title="", text="", chart=chart, frame=frame)

    drawn = draw_all([small], {"first": fail, "second": succeed, "third": lambda _one: None})
    assert [figure.name for figure in drawn.figures] == ["second"]
    assert drawn.warnings == ('The figure "first" could not be drawn (ZeroDivisionError).',)


def test_the_figure_of_the_page_on_extensions_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(install_page(tmp_path / "site")))
    campaigns = [make_searched(trials=30, name=name) for name in ("a", "b")]
    drawn = draw_all(campaigns, {})
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]
    assert drawn.warnings == ()
    [figure] = drawn.figures
    assert figure.name == "lengths"
    trained = sum((one.trials["epochs"] > 0).sum() for one in campaigns)
    assert figure.text.startswith(f"An epoch of {trained} trainings took ")
    write_figure(figure, tmp_path)
    assert (tmp_path / "lengths.svg").stat().st_size > 1000
