"""The notebook of the examples runs from its first cell to its last, in a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from nbclient import NotebookClient

from tests.support.notebooks import EXAMPLES, check_kept, read_notebook

NOTEBOOK = "from-campaign-to-figures.ipynb"
PANELS = ("progress", "choices", "size", "feedback", "steps")


def test_it_is_kept_without_outputs() -> None:
    text = check_kept(read_notebook(NOTEBOOK))
    assert [name for name in PANELS if f"ventral.figures.{name}(CAMPAIGN)" in text] == [*PANELS]


@pytest.mark.slow
def test_it_goes_from_a_campaign_to_the_panels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    shutil.copy(EXAMPLES / "quickstart.yaml", tmp_path)
    notebook = read_notebook(NOTEBOOK)
    NotebookClient(
        notebook, timeout=None, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    drawn = {
        cell.source: [
            output.data["image/svg+xml"]
            for output in cell.outputs
            if "image/svg+xml" in output.get("data", {})
        ]
        for cell in notebook.cells
        if cell.cell_type == "code"
    }
    sources = [f"ventral.figures.{name}(CAMPAIGN)" for name in PANELS]
    for source in (*sources, "ventral.figures.choices(guided)", "ventral.figures.size(guided)"):
        [picture] = drawn[source]
        assert picture.startswith("<svg")
    assert (tmp_path / "progress.svg").read_text().startswith("<svg")
