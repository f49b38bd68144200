"""How results are printed: tables for people, JSON and CSV for programs; always on stdout.

Everything else (progress, hints, errors) goes to stderr through `note`. Names, reasons and paths
come from files, from other users and from other machines: whatever is printed here is printable
(space/documents/outside.py), so that nothing in it steers a terminal, ends a line or a cell, or
turns the direction of text. JSON has escapes of its own.
"""

import csv
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from space.documents.outside import printable, redact
from workers.logs import format_object, writes_json

Row = Mapping[str, Any]


class Format(StrEnum):
    """The formats of `-o`."""

    table = "table"
    json = "json"
    csv = "csv"


Output = Annotated[Format, typer.Option("-o", "--output", help="table, json or csv")]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table: its key in a row, its title, and how a value is written."""

    key: str
    title: str = ""
    write: Callable[[Any], str] = str
    right: bool = False


def table(rows: Sequence[Row], columns: Sequence[Column], output: Format, title: str = "") -> None:
    """Print `rows`: their `columns` as a table, or all of their keys as JSON or CSV."""
    match output:
        case Format.json:
            print(json.dumps(list(rows), indent=1))
        case Format.csv:
            _csv(rows)
        case Format.table:
            _table(rows, columns, title)


def value(document: Row, output: Format, text: str) -> None:
    """Print one value: as JSON, as CSV of one row, or as `text`."""
    if output is Format.json:
        print(json.dumps(document, indent=1))
    elif output is Format.csv:
        _csv([document])
    else:
        show(text)


def plain(item: Any) -> Any:
    """A value as JSON has it: None for what is not defined, or without bound."""
    if isinstance(item, list | tuple):
        return [plain(one) for one in item]
    return None if isinstance(item, float) and not math.isfinite(item) else item


def show(text: str, *, end: str = "\n", flush: bool = False) -> None:
    """Print lines of text. What is put into them from outside has to be made `printable` first:
    here line feeds are kept.
    """
    print(printable(text, lines=True), end=end, flush=flush)


def note(text: str = "", *, lines: bool = False, level: str = "info") -> None:
    """A line for the person at the terminal, on stderr; several with `lines`. Never with a
    password in it. Where logs are JSON it is an object of that level.
    """
    if writes_json():
        print(format_object(text.strip(), level, "command"), file=sys.stderr)
        return
    print(redact(printable(text, lines=lines)), file=sys.stderr)


def _csv(rows: Sequence[Row]) -> None:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.writer(sys.stdout)
    writer.writerow(keys)
    for row in rows:
        writer.writerow([_cell(row.get(key)) for key in keys])


def _cell(item: Any) -> Any:
    if isinstance(item, dict | list):
        return json.dumps(item)
    return printable(item) if isinstance(item, str) else item


LONG = 200
"""From so many rows on, a table is written plainly: drawing 5,000 rows takes seconds."""


def _table(rows: Sequence[Row], columns: Sequence[Column], title: str) -> None:
    if len(rows) >= LONG:
        _long(rows, columns, title)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    drawn = Table(
        box=SIMPLE_HEAD, title=printable(title) or None, title_justify="left", pad_edge=False
    )
    for column in columns:
        drawn.add_column(
            column.title or column.key,
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=column.right,
        )
    for row in rows:
        cells = (row.get(column.key) for column in columns)
        texts = (
            "" if cell is None else printable(column.write(cell))
            for cell, column in zip(cells, columns, strict=True)
        )
        drawn.add_row(*texts)
    # Piped output has no width of its own; 80 would fold every cell name.
    console = Console(width=None if sys.stdout.isatty() else 140, markup=False, highlight=False)
    console.print(drawn)


def _long(rows: Sequence[Row], columns: Sequence[Column], title: str) -> None:
    """The same table without folded cells, in a fraction of the time."""
    keys = [(column.key, column.write) for column in columns]
    cells = [
        ["" if (cell := row.get(key)) is None else printable(write(cell)) for key, write in keys]
        for row in rows
    ]
    heads = [column.title or column.key for column in columns]
    widths = [max(map(len, parts)) for parts in zip(heads, *cells, strict=True)]
    sides = [str.rjust if column.right else str.ljust for column in columns]

    def line(parts: Sequence[str]) -> str:
        placed = (
            side(part, width) for side, part, width in zip(sides, parts, widths, strict=True)
        )
        return " " + "   ".join(placed).rstrip()

    lines = [printable(title)] if title else []
    lines += [line(heads), " " + "─" * (sum(widths) + 3 * len(widths) - 3)]
    print("\n".join([*lines, *map(line, cells)]))


def percent(score: float) -> str:
    """0.1234 -> 12.3 %."""
    return f"{100 * score:.1f} %"


def signed_percent(difference: float) -> str:
    """A difference of scores in points of a percent, with its sign: 0.012 -> +1.2."""
    return f"{100 * difference:+z.1f}"


def count(number: float) -> str:
    """12345678 -> 12.3 M."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f} {letter}"
    return f"{number:g}"


def moment(seconds: float | None) -> str:
    """A time of the clock, in the machine's own zone."""
    from datetime import UTC, datetime

    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
