"""A figure as the page holds it: its chart as JSON, and its numbers as a table."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.figures import Figure
from dashboards.figures.files import write_spec
from dashboards.report.wording import format_cell

ROWS = 12
"""So many rows of a figure's numbers stand on the page."""

CSV_BYTES = 24_000
"""A table up to this size can be taken from the page; a longer one is written by `--figures`."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A figure on the page: `spec` is its chart in Vega-Lite, `rows` are the first of its numbers.

    `csv` is the address of the whole table, None of one that is too large for the page.
    """

    name: str
    title: str
    text: str
    spec: Mapping[str, Any]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    length: int
    csv: str | None


def make_panel(figure: Figure) -> Panel:
    """A figure for the page."""
    frame = figure.frame
    rows = frame.head(ROWS).itertuples(index=False, name=None)
    return Panel(
        name=figure.name,
        title=figure.title,
        text=figure.text,
        spec=write_spec(figure),
        heads=tuple(map(str, frame.columns)),
        rows=tuple(tuple(map(format_cell, row)) for row in rows),
        length=len(frame),
        csv=_write_csv(figure),
    )


def _write_csv(figure: Figure) -> str | None:
    # A look at a few rows spares the writing of what would be too long.
    sample = figure.frame.head(50)
    size = len(sample.to_csv(index=False)) / max(1, len(sample)) * len(figure.frame)
    if size > 2 * CSV_BYTES:
        return None
    data = figure.frame.to_csv(index=False, lineterminator="\n").encode()
    if len(data) > CSV_BYTES:
        return None
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(data).decode()}"
