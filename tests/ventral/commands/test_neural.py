"""`ventral score neural` with several models: options of time, tables, figures, MLflow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.errors import InputError
from tests.support.panels import make_panel
from tests.support.recordings import draw_dynamic
from tests.ventral.conftest import Shell
from ventral.commands import neural


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
    assert written[0].startswith("model,layer,area,bin,score,error,ceiling,ceiled,splits,control,")
    assert sorted(file.name for file in (moving / "figures").iterdir()) == [
        "neural-comparisons.csv",
        *(f"neural-fit.{kind}" for kind in ("csv", "svg", "vl.json")),
        *(f"neural-layers.{kind}" for kind in ("csv", "svg", "vl.json")),
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


@pytest.mark.long
def test_a_tracking_server_that_is_away_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    neural.publish(make_panel(), "it", {"map": "pls"})
    warning = capsys.readouterr().err
    assert warning.startswith("warning: the scores are not in MLflow (MlflowException: ")
    assert len(warning.splitlines()) == 1


def test_a_run_has_numbers_tables_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[Any] = []

    def publish_scores(*parts: Any) -> str:
        sent.extend(parts)
        return "#/experiments/1/runs/2"

    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("search.mirror.scores.publish_scores", publish_scores)
    neural.publish(make_panel(), "it", {"map": "pls"})
    _, name, parameters, metrics, files = sent
    assert name == "ours, feedforward on it"
    assert parameters == {
        "recording": "it",
        "map": "pls",
        "models": "ours, feedforward",
        "time of ours": "10 ms a step from 40",
    }
    numbers = {(*one.name, one.step): one.value for one in metrics}
    assert numbers["score", "V4", "ours", 0] == pytest.approx(0.7, abs=0.03)
    assert numbers["score by ms", "IT", "feedforward", 80] == pytest.approx(0.5, abs=0.03)
    assert numbers["low", "IT", "ours against feedforward", 0] > 0
    assert sorted(files) == [
        "neural-comparisons.csv",
        "neural-fit.csv",
        "neural-fit.svg",
        "neural-layers.svg",
        "neural-time.svg",
        "neural.csv",
    ]
    assert capsys.readouterr().err == (
        "the run in MLflow is #/experiments/1/runs/2 (`ventral ui`)\n"
    )


def test_sources_are_models_and_files_and_controls_of_both(tmp_path: Path) -> None:
    sources = neural.Sources.sort(["one", "two"], ["a.npz", "b=x/c.npz"], ["zoo", "d=e.npz"])
    assert sources.models == ("one", "two", "zoo")
    files = (("a", Path("a.npz")), ("b", Path("x/c.npz")), ("d", Path("e.npz")))
    assert sources.files == files
    assert sources.controls == {"zoo", "d"}
    odd = tmp_path / "a=b.npz"
    odd.write_bytes(b"")
    assert neural.split_file("--features", str(odd)) == ("a=b", odd)
    with pytest.raises(InputError, match=r"--control: =x\.npz is no NAME=FILE"):
        neural.Sources.sort(None, None, ["=x.npz"])
