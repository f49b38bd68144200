"""The notebook of a recording with a known answer runs, and finds what is true."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode, v4, validate

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = EXAMPLES / "simulated-recording.ipynb"


def _read() -> NotebookNode:
    notebook: NotebookNode = v4.reads(NOTEBOOK.read_text("utf-8"))
    return notebook


def test_it_is_kept_without_outputs() -> None:
    notebook = _read()
    validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}


@pytest.mark.slow
def test_it_finds_what_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    shutil.copy(EXAMPLES / "teacher.yaml", tmp_path)
    notebook = _read()
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
