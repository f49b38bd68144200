"""Sizes as people read them."""

from __future__ import annotations

import pytest

from search.host.sizes import format_bytes


@pytest.mark.parametrize(
    ("number", "text"), [(12, "12 bytes"), (8_000_000, "8.0 MB"), (2.5e12, "2.5 TB")]
)
def test_bytes_are_written_for_people(number: float, text: str) -> None:
    assert format_bytes(number) == text
