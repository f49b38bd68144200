"""`ventral score solution-times`, `dynamics` and `turing`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.ventral.conftest import Shell
from tests.workers.brains.test_solution_times import REACHED, STARTS, draw_rising


def test_solution_times_are_scored_by_group(shell: Shell, tmp_path: Path) -> None:
    moving, labels, onsets = draw_rising()
    order = np.random.RandomState(1).permutation(150)
    ids = np.array([f"image{i}" for i in range(150)])
    np.savez(
        tmp_path / "features.npz", stimulus_id=ids[order], it=moving[order], still=moving[order, 0]
    )
    lines = ["stimulus_id,object_name,ost,i1,challenge"]
    for row, (label, onset) in enumerate(zip(labels, onsets, strict=True)):
        lines.append(f"{ids[row]},o{label},{STARTS[onset]},{REACHED},{row % 2}")
    (tmp_path / "monkey.csv").write_text("\n".join(lines))
    words = ["score", "solution-times", "--features", str(tmp_path / "features.npz")]
    words += ["--primate", str(tmp_path / "monkey.csv"), "--splits", "3"]
    rows = shell(*words, "--layer", "it", "-o", "json").json
    assert [row["group"] for row in rows] == ["all", "control", "challenge"]
    for row in rows:
        assert row["layer"] == "it"
        assert row["low"] < row["spearman"] < row["high"]
        assert row["spearman"] > 0.85
        assert row["solved"] <= row["images"]
        assert len(row["by_split"]) == row["splits"] == 3
    assert rows[0]["images"] == rows[1]["images"] + rows[2]["images"]
    refused = shell(*words)
    assert refused.code == 2
    assert "features.npz: still has the shape [150, 4], without time" in refused.err
