"""Numbers and times as the page writes them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pandas as pd

from search.review import durations

NONE = "–"
"""Where there is no number."""

_UNITS = ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))


def format_percent(score: float | None) -> str:
    """0.1234 -> 12.3 %."""
    return NONE if score is None or math.isnan(score) else f"{100 * score:.1f} %"


def format_points(difference: float | None) -> str:
    """A difference of scores in points of a percent: 0.012 -> +1.2."""
    return NONE if difference is None or math.isnan(difference) else f"{100 * difference:+z.1f}"


def format_count(number: float | None) -> str:
    """12345678 -> 12.3 M."""
    if number is None or pd.isna(number):
        return NONE
    for least, unit, letter in _UNITS:
        if abs(number) >= least:
            return f"{number / unit:.1f} {letter}"
    return f"{number:,.0f}" if float(number).is_integer() else format_number(number)


def format_number(value: float | None) -> str:
    """A number by four digits that count: 0.0123456 -> 0.01235."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def format_duration(seconds: float | None) -> str:
    """4000 -> 1 h 06 min; nothing where it is not known."""
    return NONE if seconds is None or math.isnan(seconds) else durations.format_duration(seconds)


def format_moment(moment: datetime | None) -> str:
    """A time in UTC; nothing where it is not known."""
    if moment is None or pd.isna(moment):
        return NONE
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def format_cell(value: object) -> str:
    """A value of a frame as a table shows it; nothing for what is missing."""
    if isinstance(value, list | tuple):
        return ", ".join(map(format_cell, value))
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if math.isnan(value) else format_number(value)
    return str(value)


def count_of(number: int, one: str, many: str = "") -> str:
    """1 trial, 2 trials."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
