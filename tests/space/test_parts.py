"""What parts are called, each of them where it stands."""

from __future__ import annotations

from space import zoo
from space.genome import Genome
from space.network.grammar import Cell
from space.parts import place_parts, used_gates
from tests.support.drawing import PUBLISHED_CELLS, small_document, small_genome


def find_paths(genome: Genome) -> dict[str, str]:
    return {placed.part.name: placed.path for placed in place_parts(genome)}


def test_the_parts_of_the_median_have_names() -> None:
    paths = find_paths(zoo.model("rgc_intermediate").genome)
    assert paths["new.used->out"] == "cells.rgc.states.out.drive.0.of.0"
    assert paths["cell->out times"] == "cells.rgc.states.out.drive.3.terms.0.of.0"
    assert paths["out->out keep"] == "cells.rgc.states.out.carry.terms.0.of.0"
    assert paths["out->out carry"] == "cells.rgc.states.out.carry.of"
    assert paths["cell"] == "cells.rgc.states.cell"
    assert paths["conv8->conv5"] == "feedback.conv8->conv5"
    assert "out times" not in paths, "a gate of one source is an edge"


def test_gates_that_are_shared_and_sources_side_by_side_have_names() -> None:
    paths = find_paths(small_genome(PUBLISHED_CELLS["conv_gru"]))
    assert {"input->update", "hidden->update", "update", "reset"} <= paths.keys()
    assert paths["hidden->hidden"] == "cells.motif.states.hidden.drive.0.of.1"


def test_names_of_several_cells_begin_with_the_cells() -> None:
    paths = find_paths(zoo.model("lstm_shallow").genome)
    assert paths["lstm4: input->hidden times"].startswith("cells.lstm4.states.hidden.drive.1")
    assert "lstm3: cell" in paths


def test_names_that_come_again_are_numbered() -> None:
    add = {"add": {"of": "input", "kernel": 3}}
    cell = Cell.model_validate(
        {"states": {"out": {"drive": {"edges": [add, add]}}}, "output": "out"}
    )
    paths = find_paths(small_genome(cell))
    assert paths["input->out"].endswith("drive.0.of.0")
    assert paths["input->out#2"].endswith("drive.1.of.0")


def test_feedback_that_does_not_arrive_is_no_edge() -> None:
    median = PUBLISHED_CELLS["rgc_median"]
    assert "feedback->out" in find_paths(small_genome(median))
    assert "feedback->out" not in find_paths(small_genome(median, feedback=False))


def test_gates_are_used_through_masks() -> None:
    gate = {"terms": [{"of": "input * other", "kernel": 1}]}
    gates = {"gate": gate, "other": {"terms": [{"of": "input", "kernel": 1}]}, "idle": gate}
    state = {"carry": {"gate": "gate"}, "drive": {"edges": [{"add": {"of": "input"}}]}}
    cell = {"states": {"out": state}, "gates": gates, "output": "out"}
    assert used_gates(Cell.model_validate(cell)) == {"gate", "other"}
    paths = find_paths(Genome.parse(small_document(Cell.model_validate(cell))))
    assert "other" in paths
    assert "idle" not in paths
