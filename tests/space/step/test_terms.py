"""Where terms stand: each once, at the path of its document, with the sources that are there."""

from typing import Any

import pytest
from hypothesis import given, settings

from space.genome import Genome
from space.network.cell_sizes import cell_shape
from space.network.grammar import Cell, as_document
from space.network.maps import Map
from space.network.sizes import layout
from space.step.terms import own_gates, placed_terms
from tests.support.drawing import PUBLISHED_CELLS, any_genomes

SOURCES = {
    "input": Map(size=5, channels=4),
    "residual": Map(size=5, channels=4),
    "feedback": Map(size=5, channels=4),
}


def at(document: dict[str, Any], path: str) -> Any:
    """What stands in a cell's document at the path of a term."""
    node: Any = document
    names = path.split(".")
    for name, behind in zip(names, [*names[1:], ""], strict=True):
        if name == "drive":
            node = node["drive"]["edges"]
        elif name == "carry":
            node = node["carry"]["gate"]
        elif name.isdigit():
            node = node[int(name)]
            node = node.get("multiply" if behind == "terms" else "add", node)
        else:
            node = node[name]
    return node


@pytest.mark.parametrize("name", PUBLISHED_CELLS)
def test_a_path_leads_to_the_term_in_the_document(name: str) -> None:
    cell = PUBLISHED_CELLS[name]
    document = as_document(cell)
    placed = placed_terms(cell, cell_shape(cell, SOURCES), SOURCES)
    assert placed
    for one in placed:
        assert at(document, one.path) == as_document(one.term)


@given(any_genomes())
@settings(max_examples=40, deadline=None)
def test_every_term_that_reads_something_is_placed_once(genome: Genome) -> None:
    for shape in layout(genome).stages:
        if shape.cell is None or shape.stage.cell is None:
            continue
        cell = genome.cells[shape.stage.cell]
        there = {"input", "residual"} | ({"feedback"} if shape.feedback else set())
        placed = placed_terms(cell, shape.cell, there)
        paths = [one.path for one in placed]
        assert len(set(paths)) == len(paths)
        written = [*shape.cell.drives.values(), *shape.cell.gates.values()]
        assert len(placed) == sum(len(terms) for terms in written)
        for one in placed:
            assert one.sources
            assert {source.name for source in one.sources} <= there | cell.states.keys()
            assert (one.state is None) == one.path.startswith("gates.")


def test_a_term_of_absent_feedback_moves_no_other_path() -> None:
    """Names follow the document, so that a file of weights outlives an edge."""
    cell = Cell.model_validate(
        {
            "states": {
                "out": {
                    "drive": {
                        "edges": [
                            {"add": {"of": "feedback", "kernel": 1}},
                            {"add": {"of": ["input", "feedback"], "kernel": 1}},
                        ]
                    }
                }
            },
            "output": "out",
        }
    )
    alone = {"input": SOURCES["input"]}
    placed = placed_terms(cell, cell_shape(cell, alone), alone)
    assert [one.path for one in placed] == ["states.out.drive.1"]
    assert [source.name for source in placed[0].sources] == ["input"]
    both = placed_terms(cell, cell_shape(cell, SOURCES), SOURCES)
    assert [one.path for one in both] == ["states.out.drive.0", "states.out.drive.1"]


def test_roles_say_what_a_term_acts_on() -> None:
    cell = PUBLISHED_CELLS["conv_lstm"]
    placed = placed_terms(cell, cell_shape(cell, SOURCES), SOURCES)
    assert {one.role for one in placed if one.path.startswith("states.cell.carry")} == {"carry"}
    assert {one.role for one in placed if ".terms." not in one.path} == {"add"}
    assert {one.state for one in placed} >= set(cell.states)


def test_a_states_own_gates_are_those_that_it_writes_out() -> None:
    """Not the ones that it shares: those stand with the cell."""
    shared = PUBLISHED_CELLS["ugrnn"]
    assert shared.gates
    assert not [g for name, state in shared.states.items() for g in own_gates(name, state)]
    lstm = PUBLISHED_CELLS["conv_lstm"].states["cell"]
    assert [(path, role) for _, path, role, _ in own_gates("cell", lstm)] == [
        ("states.cell.carry", "carry"),
        ("states.cell.drive.1", "multiply"),
    ]
