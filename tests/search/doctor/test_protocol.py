"""A fault's texts: filled from the facts, printable, without passwords."""

from __future__ import annotations

import pytest

from search.doctor.protocol import Fault

FAULT = Fault(status="fail", problem="{where} says {what}", cure="ask {where}")


def test_texts_are_filled_and_can_be_printed() -> None:
    verdict = FAULT.fill(where="postgresql://me:word@host/x", what="no\x1b[2J\nline")
    assert verdict.text == r"postgresql://me:***@host/x says no\x1b[2J\nline"
    assert verdict.cure == "ask postgresql://me:***@host/x"


def test_a_value_that_is_missing_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError, match="what"):
        FAULT.fill(where="x")
