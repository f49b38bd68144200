"""The numbers of a chart as text within it: CSV, which is a third of what JSON takes."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

DIGITS = 4
"""Significant digits of a number in a chart: finer than print, and than 10,000 images tell."""


def write_inline(frame: pd.DataFrame, digits: Mapping[str, int] | None = None) -> alt.InlineData:
    """A frame as a chart's data, numbers rounded to DIGITS, or to as many as `digits` says.

    What is missing is empty: null to a chart.
    """
    written, parse = pd.DataFrame(index=frame.index), {}
    for name, column in frame.items():
        key = str(name)
        if pd.api.types.is_bool_dtype(column):
            written[key], parse[key] = column.map({True: "true", False: "false"}), "boolean"
        elif pd.api.types.is_integer_dtype(column):
            written[key], parse[key] = column, "number"
        elif pd.api.types.is_numeric_dtype(column):
            form = f"%.{(digits or {}).get(key, DIGITS)}g"
            written[key] = [None if pd.isna(one) else form % one for one in column]
            parse[key] = "number"
        else:
            written[key], parse[key] = column.astype(object), "string"
    text = written.to_csv(index=False, lineterminator="\n")
    return alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv", parse=parse))
