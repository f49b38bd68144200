"""Frames as JSON, column by column: what compresses well and is read back as it was.

A column says its kind: a NumPy or pandas type, `labels` (values of few kinds, by number, which
pandas takes for `text` or not), `time` (seconds since the first), or `words` (tuples of words, as
the bits of a number in hexadecimal). Of a float column, decimals may be limited. A number that is
missing is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

Column = dict[str, Any]

_TIMES = 3  # decimals of seconds


def write_frame(
    frame: pd.DataFrame, decimals: Mapping[str, int | None], others: int | None = None
) -> dict[str, Column]:
    """The columns by name. `decimals` of float columns by name, and of all `others` (None: all
    that a number has).
    """
    return {
        str(name): _write_column(frame[name], decimals.get(str(name), others)) for name in frame
    }


def read_frame(columns: Mapping[str, Column]) -> pd.DataFrame:
    """The frame that was written. Raises KeyError, TypeError or ValueError for anything else."""
    return pd.DataFrame({name: _read_column(column) for name, column in columns.items()})


def _write_column(column: pd.Series[Any], decimals: int | None) -> Column:
    kind = str(column.dtype)
    if kind.startswith("datetime64"):
        first = column.min()
        seconds = (column - first).dt.total_seconds().tolist()
        start = None if pd.isna(first) else first.isoformat()
        return {"kind": "time", "start": start, "values": _round(seconds, _TIMES)}
    if kind == "float64":
        return {"kind": kind, "values": _round(column.tolist(), decimals)}
    if kind in ("int64", "Int64"):
        return {"kind": kind, "values": [None if pd.isna(n) else int(n) for n in column]}
    values = column.tolist()
    if values and all(isinstance(value, tuple) for value in values):
        return _write_words(values)
    return _write_labels(values) | {"text": kind != "object"}


def _read_column(column: Column) -> pd.Series[Any]:
    kind, values = column["kind"], column["values"]
    match kind:
        case "time":
            start = pd.Timestamp(column["start"] or "1970-01-01T00:00:00+00:00")
            seconds = pd.to_timedelta(pd.Series(values, dtype="float64"), unit="s")
            return (start + seconds.dt.round("us")).dt.as_unit("us")
        case "words":
            return _read_words(column["words"], values)
        case "labels":
            labels = [*column["labels"], np.nan]
            series = [labels[code] for code in values]
            # With one text more, pandas takes it for text however little there is of it.
            return pd.Series([*series, ""]).head(-1) if column["text"] else _objects(series)
    return pd.Series(values, dtype=kind)


def _round(values: Sequence[float], decimals: int | None) -> list[float | int | None]:
    """Numbers with so many decimals, whole ones without a point; null for what is not finite."""
    rounded = [
        None if not np.isfinite(value) else value if decimals is None else round(value, decimals)
        for value in values
    ]
    return [int(value) if value is not None and value.is_integer() else value for value in rounded]


def _write_labels(values: Sequence[Any]) -> Column:
    """Labels in the order in which they occur; 1 and true are two. nan has the number -1."""
    places: dict[str, int] = {}
    labels: list[Any] = []
    codes = []
    for value in values:
        key = repr(value)
        if isinstance(value, float) and np.isnan(value):
            places[key] = -1
        elif key not in places:
            places[key] = len(labels)
            labels.append(value)
        codes.append(places[key])
    return {"kind": "labels", "labels": labels, "values": codes}


def _write_words(values: Sequence[tuple[str, ...]]) -> Column:
    words = sorted({word for value in values for word in value})
    places = {word: place for place, word in enumerate(words)}
    bits = [sum(1 << places[word] for word in value) for value in values]
    return {"kind": "words", "words": words, "values": [f"{number:x}" for number in bits]}


def _read_words(words: Sequence[str], values: Sequence[str]) -> pd.Series[Any]:
    numbers = [int(value, 16) for value in values]
    tuples = [
        tuple(word for place, word in enumerate(words) if number >> place & 1)
        for number in numbers
    ]
    return _objects(tuples)


def _objects(values: Sequence[Any]) -> pd.Series[Any]:
    return pd.Series(values, dtype=object)
