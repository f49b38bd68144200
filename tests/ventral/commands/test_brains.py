"""`ventral brain` and `ventral score`: recordings described, features scored."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.support.recordings import BRAIN_SCORE, draw_linear
from tests.support.shrinking import ROOT
from tests.ventral.conftest import Shell

PAGE = (ROOT / "docs" / "brains.md").read_text()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """`draw_linear` as a recording and a file of features."""
    drawn = draw_linear()
    stimuli, repetitions, neurons = drawn.responses.shape
    np.savez(
        tmp_path / "it.npz",
        responses=drawn.responses.reshape(-1, neurons),
        stimulus_id=np.repeat(drawn.stimuli, repetitions),
        object_name=np.repeat(drawn.objects, repetitions),
        repetition=np.tile(np.arange(repetitions), stimuli),
        neuroid_id=np.arange(neurons),
        region=np.full(neurons, "IT"),
    )
    np.savez(tmp_path / "features.npz", stimulus_id=drawn.stimuli, stage5=drawn.features)
    return tmp_path


def test_a_network_s_features_are_scored(shell: Shell, recording: Path) -> None:
    words = ["score", "neural", "--features", str(recording / "features.npz")]
    words += ["--assembly", str(recording / "it.npz"), "--area", "IT"]
    (row,) = shell(*words, "-o", "json").json
    assert {key: row[key] for key in ("layer", "area", "bin", "splits")} == {
        "layer": "stage5",
        "area": "IT",
        "bin": None,
        "splits": 10,
    }
    for key in ("score", "error", "ceiling", "ceiled"):
        assert row[key] == pytest.approx(BRAIN_SCORE[key], abs=1e-6)
    shown = shell(*words, "--map", "ridge", "--map-a-bin", "--splits", "2").out
    assert re.search(r"stage5 +IT +0\.9\d{3} +0\.0\d{3} +0\.9130 +0\.9\d{3} +2 +12", shown)
    refused = shell(*words[:-1], "V1")
    assert refused.code == 2
    assert refused.err == f"error: {recording / 'it.npz'}: has no neuron in V1; it has IT\n"


def test_clamped_components_are_named(shell: Shell, recording: Path) -> None:
    drawn = draw_linear()
    few = recording / "few.npz"
    np.savez(few, stimulus_id=drawn.stimuli, early=drawn.features[:, :7])
    done = shell(
        "score", "neural", "--features", str(few), "--assembly", str(recording / "it.npz")
    )
    assert done.code == 0
    assert "fewer than 25 components, 7: there are fewer images or units" in done.err


def test_recordings_and_stimulus_sets_are_described(shell: Shell, recording: Path) -> None:
    done = shell("brain", "describe", str(recording / "it.npz"))
    assert done.out.splitlines() == [
        f"{recording / 'it.npz'}: a recording (npz)",
        "1,200 presentations of 120 stimuli, 10 of each",
        "12 neurons, 12 in IT",
        "presentation: object_name, repetition, stimulus_id",
        "neuroid: neuroid_id, region",
    ]
    facts = shell("brain", "describe", str(recording / "it.npz"), "-o", "json").json
    assert (facts["stimuli"], facts["areas"]) == (120, {"IT": 12})
    table = recording / "set.csv"
    table.write_text("stimulus_id,filename\na,a.png\n")
    (recording / "a.png").write_bytes(b"image")
    words = ["brain", "describe", str(table), "--images", str(recording)]
    assert shell(*words).out.splitlines()[1:] == [
        "columns: stimulus_id, filename",
        f"images: {recording}, all there, 5 bytes",
    ]
    assert shell(*words, "-o", "json").json["image_bytes"] == 5
    table.write_text("stimulus_id,filename\na,../a.png\n")
    refused = shell(*words)
    assert refused.code == 2
    assert "'../a.png' leads elsewhere" in refused.err


def test_the_page_s_example_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})
