"""Entries of an index: values with bounds, and errors that name their field."""

from typing import Any

import pytest

from space.errors import InputError
from workers.reference.entries import (
    ALL_NUMBERS,
    NUMBERS,
    CellEntry,
    DecoderEntry,
    JoinEntry,
    NetworkEntry,
    read_entry,
)

NETWORK: dict[str, Any] = {
    "zoo_model": "rgc_shallow",
    "seed": 1,
    "gain": 1.0,
    "batch": 2,
    "image_size": 64,
    "timesteps": 5,
    "variables": [{"name": "conv1/bias", "shape": [4]}],
}


def weights(*numbers: int) -> list[dict[str, Any]]:
    return [{"name": f"w{at}", "shape": [count]} for at, count in enumerate(numbers)]


def test_an_entry_may_say_more_than_is_read() -> None:
    cell = read_entry(CellEntry, {"cell": "GRU", "file": "a.npz", "made": "in 2022"})
    assert (cell.cell, cell.file, cell.seed, dict(cell.given)) == ("GRU", "a.npz", 0, {})
    assert read_entry(CellEntry, cell) is cell
    assert read_entry(JoinEntry, {"options": {"a": 1}}).given == {"a": 1}
    assert read_entry(DecoderEntry, {"beta": 2.0, "more": []}).beta == 2.0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"cell": None}, "cells.a.cell"),
        ({"seed": 2**63}, "cells.a.seed"),
        ({"gain": float("inf")}, "cells.a.gain"),
        ({"in_channels": 0}, "cells.a.in_channels: 0 is not at least 1"),
        ({"options": [1]}, "cells.a.options"),
        ({"weights": [*weights(9), {"name": "b", "shape": [NUMBERS, 2]}]}, "weights[1].shape"),
        ({"weights": [{"name": "b", "shape": [2**12, 2**13]}]}, "is larger than 16,777,216"),
        ({"weights": [{"name": "b", "shape": [1] * 9}]}, "cells.a.weights[0].shape"),
        ({"weights": weights(*[2**20] * (ALL_NUMBERS // 2**20 + 1))}, "are more than"),
    ],
)
def test_a_cell_beyond_its_bounds_is_refused_by_its_field(
    change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_entry(CellEntry, {"cell": "GRU"} | change, "cells.a")
    assert str(caught.value).startswith("cells.a")
    assert problem in str(caught.value)


def test_all_weights_together_may_just_fill_the_bound() -> None:
    full = weights(*[2**20] * (ALL_NUMBERS // 2**20))
    assert len(read_entry(CellEntry, {"cell": "GRU", "weights": full}).weights) == 64


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"image_size": 40}, "image_size"),  # squares of 16 pixels
        ({"timesteps": 0}, "timesteps"),
        ({"batch": 65}, "batch"),
        ({"batch": 64, "image_size": 1024}, "such images are too many"),
        ({"zoo_model": 3}, "zoo_model"),
        ({"variables": None}, "variables"),
    ],
)
def test_a_network_beyond_its_bounds_is_refused_by_its_field(
    change: dict[str, Any], problem: str
) -> None:
    assert read_entry(NetworkEntry, NETWORK).variables[0].shape == (4,)
    with pytest.raises(InputError, match=problem):
        read_entry(NetworkEntry, NETWORK | change)
