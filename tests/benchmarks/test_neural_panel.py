"""The pictures of a simulated recording: what is known of it is recovered, and is on the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import neural_panel
from tests.support.panels import make_panel
from tests.support.shrinking import ROOT

PAGE = (ROOT / "docs" / "brains.md").read_text()
PICTURES = ("neural-time.png", "neural-layers.png")


def test_pictures_are_drawn_and_those_of_the_page_are_there(tmp_path: Path) -> None:
    panel = make_panel()
    neural_panel.draw(panel, tmp_path)
    for name in PICTURES:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert (ROOT / "docs" / name).is_file()
        assert f"({name})" in PAGE
    assert len(neural_panel.describe(panel)) == 1 + 4 + 2


def test_neurons_follow_the_network_from_its_first_step_on() -> None:
    random = np.random.default_rng(0)
    layers = {
        name: random.standard_normal((30, neural_panel.STEPS, 24)) for name in ("low", "high")
    }
    assembly = neural_panel.record(layers, 6, random)
    assert assembly.areas == {"IT": 6, "V4": 6}
    spread = assembly.arrange().averages.std(axis=0)  # neurons, bins
    first = neural_panel.TRUE_OFFSET // neural_panel.TRUE_MS
    assert (spread[:6, :first] < 1).all()
    assert (spread[:6, first] > 1).all()
    assert spread[7, first] < 1 < spread[7, first + 1]


@pytest.mark.slow
def test_a_small_recording_gives_its_time_and_layers_back() -> None:
    panel = neural_panel.simulate(stimuli=64, neurons=12, splits=2)
    recurrent, *controls = panel.models
    assert recurrent.time is not None
    assert abs(recurrent.time.offset - neural_panel.TRUE_OFFSET) <= neural_panel.TRUE_MS
    assert [one.name for one in controls if one.control] == ["feedforward", "time decay"]
    assert [area.layer for area in recurrent.areas] == ["low", "high"]
