"""A frame that was written as JSON is read back as it was."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dashboards.columns import read_frame, write_frame


def through(frame: pd.DataFrame, **limits: Any) -> pd.DataFrame:
    """A frame as it comes back."""
    text = json.dumps(write_frame(frame, limits.get("decimals", {}), limits.get("others")))
    return read_frame(json.loads(text))


TIMES = pd.to_datetime(pd.Series([1.5, None, 3.0]), unit="s", utc=True).dt.as_unit("us")
COLUMNS = {
    "floats": pd.Series([0.1, np.nan, 1.0]),
    "whole": pd.Series([1, 2, 3]),
    "counts": pd.Series([1, None, 3], dtype="Int64"),
    "texts": pd.Series(["a", None, "b"]),
    "nothing": pd.Series([None, None, None], dtype=object),
    "flags": pd.Series([True, np.nan, False], dtype=object),
    "mixed": pd.Series([True, 1, "x"], dtype=object),
    "details": pd.Series([{"by": "a"}, {}, {"by": "a"}], dtype=object),
    "motifs": pd.Series([("out elu", "out keeps"), (), ("out keeps",)], dtype=object),
    "times": TIMES,
    "no times": pd.Series([pd.NaT] * 3).dt.tz_localize("UTC").dt.as_unit("us"),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [3, 0])
def test_a_column_comes_back_with_its_type(name: str, rows: int) -> None:
    frame = pd.DataFrame({name: COLUMNS[name]}).head(rows)
    again = through(frame)
    pd.testing.assert_frame_equal(again, frame)
    assert [type(value) for value in again[name]] == [type(value) for value in frame[name]]


def test_decimals_are_kept_as_far_as_is_said() -> None:
    frame = pd.DataFrame({"score": [1 / 3], "choice": [1e-3 / 3], "loss": [2 / 3]})
    again = through(frame, decimals={"choice": None, "loss": 2}, others=4)
    assert again.iloc[0].tolist() == [0.3333, 1e-3 / 3, 0.67]
