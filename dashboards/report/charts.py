"""A figure as the page holds it: a small JSON of its chart, and its numbers as a table.

Vega-Lite repeats the name of every column in every row, and the same cell in every figure. Here a
data set becomes columns, numbers have seven digits, and long texts are places in one list that all
figures share; the page's script makes rows of it again (`expand` in page.js).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from dashboards.figures import Figure
from dashboards.report.wording import format_cell

ROWS = 12
"""So many rows of a figure's numbers stand on the page."""

CSV_BYTES = 24_000
"""A table up to this size can be taken from the page; a longer one is written by `--figures`."""

SHORT = 8
"""Texts of more letters go to the shared list."""


@dataclass
class Texts:
    """The texts that charts share, each once."""

    listed: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def place(self, text: str) -> int:
        """Where a text stands in the list."""
        if text not in self._places:
            self._places[text] = len(self.listed)
            self.listed.append(text)
        return self._places[text]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A figure on the page: `spec` is its chart, packed; `rows` the first rows of its numbers.

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


def make_panel(figure: Figure, texts: Texts) -> Panel:
    """A figure for the page; its long texts are added to `texts`."""
    frame = figure.frame
    rows = frame.head(ROWS).itertuples(index=False, name=None)
    return Panel(
        name=figure.name,
        title=figure.title,
        text=figure.text,
        spec=pack_chart(figure.chart, texts),
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
    data = figure.frame.to_csv(index=False).encode()
    if len(data) > CSV_BYTES:
        return None
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(data).decode()}"


def pack_chart(chart: alt.TopLevelMixin, texts: Texts) -> dict[str, Any]:
    """The chart's Vega-Lite specification, its data sets packed."""
    with alt.data_transformers.enable("default", max_rows=None):
        spec: dict[str, Any] = chart.to_dict()
    spec["datasets"] = {
        name: pack_rows(rows, texts) for name, rows in spec.get("datasets", {}).items()
    }
    return spec


def pack_rows(rows: Sequence[Mapping[str, Any]], texts: Texts) -> dict[str, Any]:
    """Rows as columns: `{"length": n, "columns": {name: column}}`.

    A column is the list of its values, `{"same": value}` or `{"texts": places}` in `texts`; a value
    that is missing is null.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _pack_column([row.get(name) for row in rows], texts) for name in names}
    return {"length": len(rows), "columns": columns}


def _pack_column(values: list[Any], texts: Texts) -> Any:
    first = values[0]
    if all(value is first or (type(value) is type(first) and value == first) for value in values):
        return {"same": _shorten(first)}
    if all(value is None or isinstance(value, str) for value in values) and any(
        value is not None and len(value) > SHORT for value in values
    ):
        return {"texts": [None if value is None else texts.place(value) for value in values]}
    return [_shorten(value) for value in values]


def _shorten(value: Any) -> Any:
    """A number by as many digits as a picture can show; null for one that is none."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    if value.is_integer():
        return int(value)
    return round(value, 2) if abs(value) >= 1e6 else float(f"{value:.7g}")
