"""The pictures of a simulated recording, in small: what is known of it is recovered."""

from __future__ import annotations

from pathlib import Path

from benchmarks import neural_panel
from tests.support.shrinking import ROOT

PAGE = (ROOT / "docs" / "brains.md").read_text()


def test_a_small_recording_gives_its_time_and_layers_back(tmp_path: Path) -> None:
    panel = neural_panel.simulate(stimuli=48, neurons=6, splits=2)
    recurrent, *controls = panel.models
    assert recurrent.time is not None
    assert abs(recurrent.time.offset - neural_panel.TRUE_OFFSET) <= neural_panel.TRUE_MS
    assert [one.name for one in controls if one.control] == ["feedforward", "time decay"]
    assert [area.layer for area in recurrent.areas] == ["low", "high"]
    neural_panel.draw(panel, tmp_path)
    for name in ("neural-time.png", "neural-layers.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert (ROOT / "docs" / name).is_file()
        assert f"({name})" in PAGE
    assert len(neural_panel.describe(panel)) == 3 + 4 + 4
