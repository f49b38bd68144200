"""Cells in words come back as they were; what has none stands in full."""

from typing import Any

import pytest

from space.notation.cell_writing import list_sources, passes_input, write_cell
from space.notation.cells import CellReader, Origins

CELLS: list[dict[str, Any]] = [
    {
        "kernels": "separable cut to map init glorot_uniform parts 4 biases 1 decay 0.1",
        "states": {"input": "elu", "hidden ?*": "8|16 norm layer ? relu", "out": "drive bias 1"},
        "edges": [
            "feedback -> input k 1 ?",
            "hidden -> hidden keep k 3 falling 0.5..1*1 sigmoid|tanh ?*",
            "input -> hidden add separable k 1|3",
            "out -> hidden add k 1|3 | times* k 1|3 tanh + (input k same ?) ?*",
            "-> out keep",
            "input -> out add direct|(conv k 3)",
            "input & new.hidden -> out add k 3 squared",
        ],
    },
    {
        "states": {"hidden": "", "out": ""},
        "gates": {"update": "input & hidden -> k 3 norm", "half": "offset 0.5 scale 0"},
        "edges": [
            "update -> hidden keep",
            "input & hidden * update -> hidden add k 3",
            "1 - update -> hidden times ?",
            "half -> hidden times",
            "hidden + input -> out keep k 3",
            "-> out times tanh bias 2 beside conv",
        ],
        "output": "hidden",
    },
]


@pytest.mark.parametrize("written", CELLS)
def test_a_cell_comes_back(written: dict[str, Any]) -> None:
    def read(cell: dict[str, Any]) -> Any:
        return CellReader(cell, (), {}, Origins()).read()

    cell = read(written)
    again = write_cell(cell, "m", several=False)
    assert "edges" in again
    assert read(again) == cell


def test_a_choice_of_other_cells_stands_in_full() -> None:
    plain = {"output": "out", "states": {"out": {"drive": {"edges": [{"add": {"of": "input"}}]}}}}
    node = {"choice": {"absent": plain, "present": plain}, "name": "hidden"}
    assert write_cell(node, "m", several=False) == node
    named = {"choice": {"small": plain, "large": plain}}
    assert write_cell(named, "m", several=True) == named


def test_the_input_passes_through_a_state_that_is_read_at_once() -> None:
    assert list_sources({"a": [{"of": ["x", "new.y * g"]}]}) == ["x", "new.y"]
    used: Any = {"drive": {"edges": [{"add": {"of": "input"}}]}}
    out: Any = {"drive": {"edges": [{"add": {"of": "new.used"}}]}}
    assert passes_input("used", {"used": used, "out": out})
    assert not passes_input("used", {"used": {**used, "depth": 3}, "out": out})
    assert not passes_input(
        "used", {"used": used, "out": {"drive": {"edges": [{"add": {"of": "used"}}]}}}
    )
