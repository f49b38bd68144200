"""A cell's rows with places: every rail is read where a row says so, every value goes back."""

from __future__ import annotations

from space import zoo
from space.circuits.cell_layout import make_chip, place_cell
from space.circuits.notes import THICK, note_effects
from space.circuits.present import present_cells
from space.circuits.shapes import Box, Mark, Picture, Wire
from space.circuits.wiring import Chip, list_rows, read_wiring

MEDIAN = zoo.model("rgc_intermediate").genome


def place(name: str, effects: dict[str, float]) -> Picture:
    genome = zoo.model(name).genome
    return place_cell(read_wiring(present_cells(genome)[0]), note_effects(genome, effects))


def test_sums_products_and_reads_are_as_many_as_the_cell_has() -> None:
    picture = place("rgc_intermediate", {})
    marks = [shape.kind for shape in picture.shapes if isinstance(shape, Mark)]
    # cell = * and +, with * on what is kept; out the same, and a sum of three.
    assert (marks.count("times"), marks.count("plus")) == (4, 3)
    wiring = read_wiring(present_cells(MEDIAN)[0])
    reads = sum(len(row.rails) for block in wiring.blocks for row in list_rows(block))
    assert marks.count("dot") == reads


def test_a_dot_lies_on_its_rail_and_on_its_row() -> None:
    picture = place("gru_shallow", {})
    wires = [shape for shape in picture.shapes if isinstance(shape, Wire)]
    for dot in (s for s in picture.shapes if isinstance(s, Mark) and s.kind == "dot"):
        ways = {
            (x == x2)
            for wire in wires
            for (x, y), (x2, y2) in zip(wire.points, wire.points[1:], strict=False)
            if min(x, x2) <= dot.x <= max(x, x2) and min(y, y2) <= dot.y <= max(y, y2)
        }
        assert ways == {True, False}


def test_a_state_comes_back_one_step_later() -> None:
    picture = place("timedecay_shallow", {})
    boxes = [shape for shape in picture.shapes if isinstance(shape, Box)]
    (delay,) = (box for box in boxes if box.kind == "delay")
    (state,) = (box for box in boxes if box.kind == "put_out")
    (back,) = (
        s
        for s in picture.shapes
        if isinstance(s, Wire) and s.arrow and s.points[-1] == (delay.right, delay.middle)
    )
    x, y = back.points[0]
    assert (state.x < x < state.right, y) == (True, state.y + state.height)


def test_an_effect_is_a_thick_row_with_its_value() -> None:
    picture = place("rgc_intermediate", {"cell->out times": -0.25})
    thick = [s for s in picture.shapes if isinstance(s, Wire) and s.weight == THICK]
    assert {wire.kind for wire in thick} == {"multiply"}
    notes = [s for s in picture.shapes if isinstance(s, Box) and s.kind == "effect"]
    assert [note.lines for note in notes] == [("−0.25",)]
    assert any(wire.points[-1] == (notes[0].x, notes[0].middle) for wire in thick)


def test_effects_of_sources_side_by_side_say_of_which() -> None:
    picture = place("gru_shallow", {"input->update": 0.1, "hidden->update": 0.2, "update": 0.3})
    notes = [s.lines[0] for s in picture.shapes if isinstance(s, Box) and s.kind == "effect"]
    assert notes == ["input +0.1", "hidden +0.2", "+0.3"]


def test_a_chip_holds_its_text() -> None:
    box = make_chip(10, 50, Chip("sep 7×7", "separable"))
    assert (box.x, box.middle, box.lines) == (10, 50, ("sep 7×7",))
