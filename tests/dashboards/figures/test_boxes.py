"""Every point is counted once, in a box that holds it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.figures.boxes import count_boxes

POINTS = st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 1)), min_size=1, max_size=40)


@settings(max_examples=30)
@given(POINTS, st.booleans())
def test_each_point_lies_in_a_box_and_all_are_counted(
    points: list[tuple[float, float]], log: bool
) -> None:
    x, y = (pd.Series([point[axis] for point in points]) for axis in (0, 1))
    boxes = count_boxes(x, y, columns=7, rows=5, log=log)
    assert boxes["trials"].sum() == len(points)
    assert (boxes["trials"] > 0).all()
    for a, b in points:
        across = (boxes["x"] <= a * (1 + 1e-9)) & (boxes["x2"] >= a * (1 - 1e-9))
        up = (boxes["y"] <= b + 1e-9) & (boxes["y2"] >= b - 1e-9)
        assert (across & up).any()


def test_counts_are_those_of_numpy() -> None:
    numbers = np.random.default_rng(0)
    x, y = pd.Series(numbers.random(500)), pd.Series(numbers.random(500))
    boxes = count_boxes(x, y, columns=6, rows=4)
    expected, _, _ = np.histogram2d(x, y, bins=(6, 4))
    assert boxes["trials"].tolist() == [int(one) for one in expected.ravel() if one]


def test_of_no_points_there_is_no_box() -> None:
    nothing = pd.Series([], dtype=float)
    assert count_boxes(nothing, nothing).empty
    assert count_boxes(pd.Series([3.0]), pd.Series([0.5]))["trials"].tolist() == [1]
    assert count_boxes(pd.Series([3.0]), pd.Series([0.5]))["x2"][0] > 3.0
