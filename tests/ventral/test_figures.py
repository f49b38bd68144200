"""Figures in Python: listed by name, drawn of campaigns of a home, loaded late."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import altair as alt
import pandas as pd
import pytest

import ventral
from dashboards.figures import FIGURES, Figure
from dashboards.searched import Searched
from space.errors import VentralError
from tests.ventral.conftest import Campaign


def _draw_sizes(campaigns: Sequence[Searched]) -> Figure | None:
    """A figure of another package."""
    frame = pd.DataFrame([{"campaign": one.name, "trials": len(one.trials)} for one in campaigns])
    if len(frame) > 2:
        return None
    chart = alt.Chart(frame).mark_bar().encode(x="campaign:N", y="trials:Q")
    return Figure(name="sizes", title="Sizes", text="Trials.", chart=chart, frame=frame)


def test_they_are_listed_and_loaded_late() -> None:
    assert dir(ventral.figures) == sorted(FIGURES)
    program = (
        "import sys, ventral; print('altair' in sys.modules); "
        "ventral.figures.progress; print('altair' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["False", "True"], "")


def test_one_is_drawn_of_a_campaign_and_of_several(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FIGURES, "sizes", _draw_sizes)
    home = campaign.shell.home
    chart = ventral.figures.sizes(campaign.id, home=home).to_dict()
    [rows] = chart["datasets"].values()
    assert rows == [{"campaign": "tiny", "trials": len(ventral.trials(campaign.id, home=home))}]
    [rows] = ventral.figures.sizes("tiny", campaign.id, home=home).to_dict()["datasets"].values()
    assert len(rows) == 2
    read = ventral.read_campaign(campaign.id, home=home)
    assert ventral.figures.sizes(read).to_dict() == chart
    assert ventral.figures.sizes.__name__ == "sizes"
    with pytest.raises(VentralError, match="nothing to show in the figure 'sizes'"):
        ventral.figures.sizes(*3 * [campaign.id], home=home)


def test_a_figure_of_a_real_campaign_is_a_chart(campaign: Campaign) -> None:
    chart = ventral.figures.progress(campaign.id, home=campaign.shell.home)
    assert chart.to_dict()["$schema"].startswith("https://vega.github.io/schema/vega-lite")


def test_another_name_is_none() -> None:
    with pytest.raises(AttributeError, match="no figure 'nothing'; there are progress"):
        _ = ventral.figures.nothing
    assert not hasattr(ventral.figures, "_private")
