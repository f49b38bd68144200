"""A cell's rows, rails and blocks: each term of the grammar is a row that says what it does."""

from __future__ import annotations

from typing import Any

from space import zoo
from space.circuits.present import present_cells
from space.circuits.wiring import Block, Chip, Wiring, list_rows, read_wiring
from space.network.grammar import Cell
from tests.support.drawing import small_genome


def wire(name: str) -> Wiring:
    return read_wiring(present_cells(zoo.model(name).genome)[0])


def wire_cell(cell: dict[str, Any]) -> Wiring:
    return read_wiring(present_cells(small_genome(Cell.model_validate(cell)))[0])


def blocks_of(wiring: Wiring) -> dict[str, Block]:
    return {block.name: block for block in wiring.blocks}


def test_the_median_adds_multiplies_and_keeps() -> None:
    wiring = wire("rgc_intermediate")
    assert wiring.sources == ("input", "residual", "feedback")
    assert wiring.rails == ("new used", "old cell", "old out")
    out = blocks_of(wiring)["out"]
    assert out.is_output
    assert [row.text for row in out.drive.early] == ["used", "residual", "feedback"]
    assert [row.chips for row in out.drive.early] == [
        (Chip("3×3", "full"),),
        (Chip("match"),),
        (Chip("1×1", "full"),),
    ]
    (gate,) = out.gates
    assert gate.early[0].chips == (Chip("sep 7×7", "separable"),)
    assert gate.chips == (Chip("tanh", "activation"), Chip("0.701 − 0.701 x"))
    assert out.kept is not None
    assert (out.kept.text, out.kept_gate is not None) == ("out t−1", True)
    assert blocks_of(wiring)["cell"].note == "64 channels"


def test_shared_gates_complements_and_masks_have_blocks_and_rails() -> None:
    wiring = wire("gru_shallow")
    kinds = [(block.kind, block.shown) for block in wiring.blocks]
    assert kinds == [
        ("gate", "reset"),
        ("gate", "update"),
        ("mask", "hidden t−1 × reset"),
        ("state", "hidden"),
    ]
    hidden = wiring.blocks[-1]
    (row,) = hidden.drive.early
    assert row.rails == ("input", "mask hidden * reset")
    assert row.text == "input, hidden t−1 × reset"
    assert hidden.gates[0].early[0].chips == (Chip("1 − x"),)
    assert wiring.blocks[0].drive.chips == (Chip("+ 1", "number"), Chip("sigmoid", "activation"))


def test_what_is_added_after_a_norm_stands_apart() -> None:
    lstm = read_wiring(present_cells(zoo.model("lstm_shallow").genome)[1])
    gate = blocks_of(lstm)["cell"].gates[0]
    assert gate.norm == Chip("layer norm", "norm")
    assert [row.text for row in gate.early] == ["input, hidden t−1"]
    assert [(row.text, row.chips) for row in gate.late] == [
        ("cell t−1", (Chip("weight a position"),))
    ]


def test_numbers_stand_where_nothing_is_read() -> None:
    state = {"drive": {"edges": [{"multiply": {"offset": 1.0, "scale": -0.5}}]}}
    (block,) = wire_cell({"states": {"out": state}, "output": "out"}).blocks
    assert block.drive.constant == Chip("0", "number")
    assert block.gates[0].constant == Chip("0.75", "number")
    assert list(list_rows(block)) == []


def test_a_row_says_all_that_a_term_does() -> None:
    term = {
        "of": "input",
        "op": "separable",
        "kernel": 3,
        "repeat": True,
        "norm": {"kind": "group", "groups": 3},
        "skip": True,
        "activation": "relu",
        "squared": True,
    }
    wiring = wire_cell({"states": {"out": {"drive": {"edges": [{"add": term}]}}}, "output": "out"})
    (row,) = wiring.blocks[0].drive.early
    assert [chip.text for chip in row.chips] == [
        "sep 3×3, twice",
        "group norm of 3",
        "+ itself",
        "relu",
        "x²",
    ]
    assert row.part == "cells.motif.states.out.drive.0"
