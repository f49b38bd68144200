"""The notebook of a recording with a known answer runs, and finds what is true."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from nbclient import NotebookClient

from tests.support.notebooks import EXAMPLES, check_kept, read_notebook

NOTEBOOK = "simulated-recording.ipynb"


def test_it_is_kept_without_outputs() -> None:
    check_kept(read_notebook(NOTEBOOK))


@pytest.mark.slow
def test_it_finds_what_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    shutil.copy(EXAMPLES / "teacher.yaml", tmp_path)
    notebook = read_notebook(NOTEBOOK)
    NotebookClient(
        notebook, timeout=None, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 4
    assert "fitted: 50.0 ms; true: 50 ms" in printed
    right = re.search(r"right for (\d+) of 60 neurons", printed)
    assert right is not None
    assert int(right[1]) >= 48
    assert "the teacher is first in 10 of 10, its latency is right in 10" in printed
    order = re.search(r"Spearman (\S+)", printed)
    assert order is not None
    assert float(order[1]) > 0.7
    assert printed.count("layers right") == 6
