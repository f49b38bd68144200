"""A report's figures and numbers as files beside it."""

from __future__ import annotations

import json
from pathlib import Path

from dashboards.figures.files import write_figure
from dashboards.report.contents import Contents
from workers.files import replace


def write_figures(contents: Contents, folder: Path) -> list[Path]:
    """Every figure as SVG, CSV and Vega-Lite, in `folder`, which is made; the files.

    Raises OSError if one cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [file for figure in contents.figures for file in write_figure(figure, folder)]


def write_json(contents: Contents, file: Path) -> None:
    """The report's numbers: `verdicts`, `importance` and `motifs`. Raises OSError."""
    text = json.dumps(contents.document(), indent=1, ensure_ascii=False, allow_nan=False)
    replace(file, f"{text}\n".encode())
