"""Numbers in a chart are the frame's, but for digits that nobody sees."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.figures.inline import write_inline


def read(frame: pd.DataFrame, **digits: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    written = write_inline(frame, digits).to_dict()
    return pd.read_csv(io.StringIO(written["values"])), written["format"]["parse"]


def test_every_column_says_how_it_is_read() -> None:
    frame = pd.DataFrame(
        {"n": [1, 2], "y": [0.123456, np.nan], "s": ['a "b", c', None], "there": [True, False]}
    )
    back, parse = read(frame)
    assert parse == {"n": "number", "y": "number", "s": "string", "there": "boolean"}
    assert back["y"].tolist()[0] == 0.1235
    assert back["y"].isna().tolist() == [False, True]
    assert back["s"].tolist()[0] == 'a "b", c'
    assert back["there"].tolist() == [True, False]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_numbers_keep_their_digits(values: list[float]) -> None:
    back, _ = read(pd.DataFrame({"y": values}))
    assert back["y"].tolist() == pytest.approx(values, rel=6e-4, abs=1e-300)
    back, _ = read(pd.DataFrame({"y": values}), y=9)
    assert back["y"].tolist() == pytest.approx(values, rel=1e-8, abs=1e-300)
