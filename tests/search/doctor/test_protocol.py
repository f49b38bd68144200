"""A fault's texts: filled from the facts, printable, without passwords."""

from __future__ import annotations

import pytest

from search.doctor.protocol import Fault, write_bytes

FAULT = Fault(status="fail", problem="{where} says {what}", cure="ask {where}")


def test_texts_are_filled_and_can_be_printed() -> None:
    verdict = FAULT.fill(where="postgresql://me:word@host/x", what="no\x1b[2J\nline")
    assert verdict.text == r"postgresql://me:***@host/x says no\x1b[2J\nline"
    assert verdict.cure == "ask postgresql://me:***@host/x"


def test_a_value_that_is_missing_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError, match="what"):
        FAULT.fill(where="x")


@pytest.mark.parametrize(
    ("number", "text"), [(12, "12 bytes"), (8_000_000, "8.0 MB"), (2.5e12, "2.5 TB")]
)
def test_bytes_are_written_for_people(number: float, text: str) -> None:
    assert write_bytes(number) == text
