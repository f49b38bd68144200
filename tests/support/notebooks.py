"""Notebooks of examples/ as they are kept: without what they printed."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode, v4, validate

EXAMPLES = Path(__file__).parents[2] / "examples"


def read_notebook(name: str) -> NotebookNode:
    """A notebook of that file name."""
    notebook: NotebookNode = v4.reads((EXAMPLES / name).read_text("utf-8"))
    return notebook


def check_kept(notebook: NotebookNode) -> str:
    """Check that a notebook is valid and holds no outputs; the code of its cells."""
    validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert {cell.execution_count for cell in cells} == {None}
    return "\n".join(cell.source for cell in cells)
