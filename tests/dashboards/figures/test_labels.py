"""Labels stand apart, and texts are short."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.figures.labels import shorten, space_out, span, write_count, write_list


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 0.08))
def test_labels_stand_apart_within_the_axis_and_in_order(
    places: list[float], apart: float
) -> None:
    moved = space_out(places, apart, 0.0, 1.0)
    assert all(-1e-9 <= one <= 1 + 1e-9 for one in moved)
    order = sorted(range(len(places)), key=lambda one: places[one])
    ordered = [moved[one] for one in order]
    steps = [b - a for a, b in pairwise(ordered)]
    assert all(step >= apart - 1e-9 for step in steps)


@given(st.lists(st.integers(0, 10), unique=True, max_size=8))
def test_labels_that_do_not_touch_stay(places: list[int]) -> None:
    assert space_out([float(one) for one in places], 1.0, 0.0, 10.0) == pytest.approx(places)


def test_more_labels_than_fit_stand_evenly() -> None:
    assert space_out([0.5] * 5, 0.5, 0.0, 1.0) == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])


@given(st.text(max_size=80), st.integers(3, 40))
def test_a_text_is_shortened_in_its_middle(text: str, most: int) -> None:
    short = shorten(text, most)
    assert len(short) <= most
    assert short == text if len(text) <= most else "…" in short


def test_words() -> None:
    assert write_count(1, "trial") == "1 trial"
    assert write_count(2000, "trial") == "2,000 trials"
    assert write_count(2, "training of a lens", "trainings of lenses") == "2 trainings of lenses"
    assert write_list([]) == ""
    assert write_list(["a"]) == "a"
    assert write_list(["a", "b", "c"]) == "a, b and c"


def test_an_axis_has_room_and_stays_in_bounds() -> None:
    assert span([]) == (0.0, 1.0)
    assert span([float("nan")]) == (0.0, 1.0)
    low, high = span([0.2, 0.6])
    assert 0.0 < low < 0.2 < 0.6 < high < 1.0
    assert span([0.0, 1.0]) == (0.0, 1.0)
    assert span([0.5])[0] < 0.5 < span([0.5])[1]
