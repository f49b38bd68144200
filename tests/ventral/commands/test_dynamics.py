"""`ventral score solution-times`, `dynamics` and `turing`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tests.support.shrinking import ROOT
from tests.ventral.conftest import Shell
from tests.workers.brains.test_solution_times import REACHED, STARTS, draw_rising


def test_solution_times_are_scored_by_group(shell: Shell, tmp_path: Path) -> None:
    moving, labels, onsets = draw_rising(90)
    order = np.random.RandomState(1).permutation(90)
    ids = np.array([f"image{i}" for i in range(90)])
    np.savez(
        tmp_path / "features.npz", stimulus_id=ids[order], it=moving[order], still=moving[order, 0]
    )
    lines = ["stimulus_id,object_name,ost,i1,challenge"]
    for row, (label, onset) in enumerate(zip(labels, onsets, strict=True)):
        lines.append(f"{ids[row]},o{label},{STARTS[onset]},{REACHED},{row % 2}")
    (tmp_path / "monkey.csv").write_text("\n".join(lines))
    words = ["score", "solution-times", "--features", str(tmp_path / "features.npz")]
    words += ["--primate", str(tmp_path / "monkey.csv"), "--splits", "4"]
    rows = shell(*words, "--layer", "it", "-o", "json").json
    assert [row["group"] for row in rows] == ["all", "control", "challenge"]
    for row in rows:
        assert row["layer"] == "it"
        assert row["low"] <= row["spearman"] <= row["high"]
        assert row["spearman"] > 0.7
        assert row["solved"] <= row["images"]
        assert len(row["by_split"]) == row["splits"] == 4
    assert rows[0]["images"] == rows[1]["images"] + rows[2]["images"]
    refused = shell(*words)
    assert refused.code == 2
    assert "features.npz: still has the shape [90, 4], without time" in refused.err


def test_similarity_and_dynamics_are_scored(shell: Shell, tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    latent = random.randn(20, 4, 5)
    ids = np.array([f"image{i:02}" for i in range(20)])
    moving = latent @ random.randn(5, 40)
    np.savez(tmp_path / "whole.npz", stimulus_id=ids, it=moving, v4=random.randn(20, 4, 5))
    np.savez(tmp_path / "other.npz", stimulus_id=ids[::-1], it=moving[::-1] + 1)
    neurons = (latent @ random.randn(5, 80)).transpose(0, 2, 1)
    np.savez(
        tmp_path / "it.npz",
        responses=neurons,
        stimulus_id=ids,
        neuroid_id=np.arange(80),
        region=np.full(80, "IT"),
        animal=np.array(["a", "b"] * 40),
        time_bin_start=70 + 10 * np.arange(4),
        time_bin_end=80 + 10 * np.arange(4),
    )
    words = ["score", "dynamics", "--features", str(tmp_path / "whole.npz"), "--draws", "20"]
    brain = ["--assembly", str(tmp_path / "it.npz"), "--dissimilarity", "euclidean"]
    rows = shell(*words, *brain, "-o", "json").json
    assert [(row["layer"], row["against"], row["bin"]) for row in rows][:2] == [
        ("it", "IT", "70-80"),
        ("it", "IT", "80-90"),
    ]
    assert len(rows) == 8
    for row in rows[:4]:
        assert row["similarity"] > 0.6
        assert row["low"] < row["similarity"] < row["high"]
        assert row["lower"] <= row["upper"]
        assert (row["animals"], row["stimuli"]) == (2, 20)
    assert abs(rows[5]["similarity"]) < 0.4
    twin = ["--against", str(tmp_path / "other.npz"), "--layer", "it"]
    shown = shell(*words, *twin, "--by", "dsa", "--rank", "5").out
    assert re.search(r"it +other.npz +0\.\d{4} +0\.\d{4} +0\.\d{4} +0\.\d{4}", shown)
    refused = shell(*words)
    assert refused.code == 2
    assert refused.err.endswith("give --assembly FILE or --against FILE, one of them\n")


def test_a_model_is_tested_among_animals(shell: Shell, tmp_path: Path) -> None:
    random = np.random.RandomState(0)
    np.savez(
        tmp_path / "it.npz",
        responses=random.randn(20, 12),
        stimulus_id=np.arange(20).astype(str),
        neuroid_id=np.arange(12),
        animal=np.array([*"abc"] * 4),
    )
    np.savez(
        tmp_path / "features.npz", stimulus_id=np.arange(20).astype(str), it=random.randn(20, 9)
    )
    words = ["score", "turing", "--features", str(tmp_path / "features.npz"), "--by", "rsa"]
    words += ["--assembly", str(tmp_path / "it.npz"), "--samples", "2"]
    done = shell(*words, "-o", "json")
    assert "nothing says how noisy the neurons are" in done.err
    assert [(row["area"], row["neurons"], row["direction"]) for row in done.json] == [
        ("all", 4, "out"),
        ("all", 4, "in"),
        ("all", 4, "both"),
    ]
    assert {row["animals"] for row in done.json} == {3}
    rows = shell(*words, "--neurons", "2,4", "--power", "3,9", "-o", "json").json
    assert [(row["neurons"], row["animals"]) for row in rows] == [(2, 3), (2, 9), (4, 3), (4, 9)]
    refused = shell(*words, "--power", "3,many")
    assert refused.code == 2
    assert refused.err == "error: --power: 'many' is no count; give 2 or more: 3,5,10\n"


def test_the_page_s_example_runs() -> None:
    page = (ROOT / "docs" / "dynamics.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})
