"""Durations are written with two units at most."""

from __future__ import annotations

import pytest

from search.review.durations import format_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (61.0, "1 min 01 s"),
        (3599.0, "59 min 59 s"),
        (4000.0, "1 h 06 min"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
