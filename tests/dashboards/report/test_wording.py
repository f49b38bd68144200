"""Numbers and times as the page writes them."""

import math
from datetime import UTC, datetime

import pandas as pd
import pytest

from dashboards.report import wording


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0, "0"),
        (980.0, "980"),
        (9999, "9,999"),
        (10_900, "10.9 k"),
        (12_345_678, "12.3 M"),
        (2e9, "2.0 G"),
        (3e12, "3.0 T"),
    ],
)
def test_counts_are_short(number: float | None, text: str) -> None:
    assert wording.format_count(number) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123456, "0.01235"),
        (3.0, "3"),
        (-1234.0, "-1,234"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (math.nan, "–"),
        (None, "–"),
    ],
)
def test_numbers_have_four_digits_that_count(value: float | None, text: str) -> None:
    assert wording.format_number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "0.5 s"), (59, "59 s"), (61, "1 min 01 s"), (4000, "1 h 06 min"), (None, "–")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert wording.format_duration(seconds) == text


def test_moments_are_in_utc() -> None:
    assert wording.format_moment(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2026-01-02 03:04 UTC"
    assert wording.format_moment(None) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (pd.NaT, ""),
        (pd.NA, ""),
        (math.nan, ""),
        (True, "yes"),
        (0.25, "0.25"),
        (("add", "tanh"), "add, tanh"),
        (pd.Timestamp("2026-01-02 03:04:05", tz="UTC"), "2026-01-02 03:04:05"),
        ("<b>", "<b>"),
    ],
)
def test_cells_of_a_table(value: object, text: str) -> None:
    assert wording.format_cell(value) == text


def test_scores_and_their_differences() -> None:
    assert wording.format_percent(0.1234) == "12.3 %"
    assert wording.format_percent(None) == "–"
    assert wording.format_points(0.012) == "+1.2"
    assert wording.format_points(math.nan) == "–"
    assert wording.count_of(1, "trial") == "1 trial"
    assert wording.count_of(2000, "class", "classes") == "2,000 classes"
