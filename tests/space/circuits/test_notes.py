"""Effects as notes on parts: the larger, the thicker."""

from __future__ import annotations

import pytest

from space import zoo
from space.circuits.notes import THICK, THIN, note_effects
from space.errors import InputError

MEDIAN = zoo.model("rgc_intermediate").genome


def test_an_effect_is_as_thick_as_it_is_large() -> None:
    effects = {"new.used->out": -0.2, "out->out keep": 0.1, "conv8->conv5": 0.0}
    notes = note_effects(MEDIAN, effects)
    weights = [note.weight for note in notes.values()]
    assert weights == [THICK, pytest.approx((THIN + THICK) / 2), THIN]
    assert [note.text for note in notes.values()] == ["−0.2", "+0.1", "+0"]
    assert "feedback.conv8->conv5" in notes


def test_what_is_no_finite_number_is_thin() -> None:
    notes = note_effects(MEDIAN, {"out": float("nan"), "cell": float("-inf"), "used": 0.1})
    assert [note.weight for note in notes.values()] == [THIN, THIN, THICK]
    assert [note.text for note in notes.values()][:2] == ["+nan", "−inf"]
    assert note_effects(MEDIAN, {}) == {}


def test_an_effect_of_no_part_is_refused() -> None:
    with pytest.raises(InputError, match=r"no part is called.*out->out keep"):
        note_effects(MEDIAN, {"out->out keeps": 0.1})
