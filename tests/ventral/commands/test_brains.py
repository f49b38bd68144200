"""`ventral brain` and `ventral score`: recordings described, features scored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.recordings import BRAIN_SCORE, draw_dynamic, draw_linear
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


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    """`draw_dynamic` as a recording, the network's features by step, and their means over time."""
    drawn = draw_dynamic(stimuli=60)
    shown, neurons, bins = (
        drawn.assembly.presentations,
        drawn.assembly.neurons,
        drawn.assembly.bins,
    )
    arrays: dict[str, Any] = {"responses": drawn.assembly.values, **shown, **neurons, **bins}
    np.savez(tmp_path / "it.npz", **arrays)
    arrays = {"stimulus_id": drawn.stimuli, **drawn.layers}
    still = {name: values.mean(axis=1) for name, values in drawn.layers.items()}
    np.savez(tmp_path / "still.npz", **{**arrays, **still})
    arrays |= {f"{name}:steps": np.array(steps) for name, steps in drawn.steps.items()}
    np.savez(tmp_path / "moving.npz", **arrays)
    return tmp_path


def test_models_stand_side_by_side_with_a_fitted_time(shell: Shell, moving: Path) -> None:
    words = ["score", "neural", "--features", f"ours={moving / 'moving.npz'}", "--control"]
    words += [str(moving / "still.npz"), "--assembly", str(moving / "it.npz"), "--area", "V4,IT"]
    words += ["--map", "ridge", "--splits", "2", "--step-ms", "10", "--fit-time"]
    words += ["--csv", str(moving / "deep" / "all.csv"), "--figures", str(moving / "figures")]
    done = shell(*words, "-o", "json")
    assert done.code == 0
    rows = done.json
    assert len(rows) == 2 * 2 * 2 * 16
    assert {(row["milliseconds"], row["offset"]) for row in rows if not row["control"]} == {
        (10, 30)
    }
    assert {row["model"] for row in rows} == {"ours", "still"}
    best = next(
        row
        for row in rows
        if (row["model"], row["area"], row["layer"], row["bin"]) == ("ours", "IT", "high", "60-70")
    )
    assert best["score"] > 0.8
    assert best["preferred"] > 0.8
    assert len(best["by_split"]) == 2
    assert (best["start"], best["end"], best["components"]) == (60, 70, None)
    assert done.err.splitlines() == [
        "15 stimuli are held in, to fit the time to, and the rest are scored",
        "ours: a step is 10 ms, the first begins at 30 ms, the best of 11 times that were tried",
        "ours: low has no score in 6 of 16 time bins, which no step covers",
        "ours: high has no score in 6 of 16 time bins, which no step covers",
        *done.err.splitlines()[4:],
    ]
    assert re.fullmatch(
        r"V4: ours is above still \(\+0\.\d+, 95 % interval over 10 neurons \+.*\)",
        done.err.splitlines()[4],
    )
    written = (moving / "deep" / "all.csv").read_text().splitlines()
    assert len(written) == 1 + len(rows)
    assert written[0].startswith("model,control,layer,area,bin,start,end,score,error,ceiling,")
    assert sorted(file.name for file in (moving / "figures").iterdir()) == [
        "neural-comparisons.csv",
        *(f"neural-layers.{kind}" for kind in ("csv", "svg", "vl.json")),
        "neural-time-fits.csv",
        *(f"neural-time.{kind}" for kind in ("csv", "svg", "vl.json")),
        "neural.csv",
    ]


def test_what_cannot_be_read_or_written_is_one_line(shell: Shell, moving: Path) -> None:
    words = ["score", "neural", "--assembly", str(moving / "it.npz"), "--features"]
    file = str(moving / "moving.npz")
    for more, line in [
        ([f"={file}"], f"error: --features: ={file} is no NAME=FILE; write NAME=FILE.npz"),
        ([file, "--csv", str(moving)], f"error: --csv: {moving} is a folder; name a file in it"),
        ([file, "--figures", file], f"error: --figures: {file} is a file; name a folder"),
        ([file, "--control", file], "error: --features: two are named moving; write NAME=FILE"),
        ([file], f"error: {file}: steps: nothing says how long a step lasts; give"),
        (
            [file, "--step-ms", "10", "--offset-ms", "0", "--fit-time"],
            "error: --fit-time: milliseconds a step and offset are both given; leave",
        ),
    ]:
        refused = shell(*words, *more)
        assert refused.code == 2
        assert refused.err.startswith(line), refused.err
        assert len(refused.err.splitlines()) == 1


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
