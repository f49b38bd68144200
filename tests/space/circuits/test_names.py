"""What parts are called: as lesions call them, each of them where it stands."""

from __future__ import annotations

import importlib.util
import random

import pytest

from space import zoo
from space.circuits.names import part_paths, used_gates
from space.genome import Genome
from space.network.grammar import Cell
from space.space import Space
from tests.support.drawing import PUBLISHED_CELLS, small_document, small_genome


def test_the_parts_of_the_median_have_names() -> None:
    paths = part_paths(zoo.model("rgc_intermediate").genome)
    assert paths["new.used->out"] == "cells.rgc.states.out.drive.0.of.0"
    assert paths["cell->out times"] == "cells.rgc.states.out.drive.3.terms.0.of.0"
    assert paths["out->out keep"] == "cells.rgc.states.out.carry.terms.0.of.0"
    assert paths["out->out carry"] == "cells.rgc.states.out.carry.of"
    assert paths["cell"] == "cells.rgc.states.cell"
    assert paths["conv8->conv5"] == "feedback.conv8->conv5"
    assert "out times" not in paths, "a gate of one source is an edge"


def test_gates_that_are_shared_and_sources_side_by_side_have_names() -> None:
    paths = part_paths(small_genome(PUBLISHED_CELLS["conv_gru"]))
    assert {"input->update", "hidden->update", "update", "reset"} <= paths.keys()
    assert paths["hidden->hidden"] == "cells.motif.states.hidden.drive.0.of.1"


def test_names_of_several_cells_begin_with_the_cells() -> None:
    paths = part_paths(zoo.model("lstm_shallow").genome)
    assert paths["lstm4: input->hidden times"].startswith("cells.lstm4.states.hidden.drive.1")
    assert "lstm3: cell" in paths


def test_names_that_come_again_are_numbered() -> None:
    add = {"add": {"of": "input", "kernel": 3}}
    cell = Cell.model_validate(
        {"states": {"out": {"drive": {"edges": [add, add]}}}, "output": "out"}
    )
    paths = part_paths(small_genome(cell))
    assert paths["input->out"].endswith("drive.0.of.0")
    assert paths["input->out#2"].endswith("drive.1.of.0")


def test_feedback_that_does_not_arrive_is_no_edge() -> None:
    median = PUBLISHED_CELLS["rgc_median"]
    assert "feedback->out" in part_paths(small_genome(median))
    assert "feedback->out" not in part_paths(small_genome(median, feedback=False))


def test_gates_are_used_through_masks() -> None:
    gate = {"terms": [{"of": "input * other", "kernel": 1}]}
    gates = {"gate": gate, "other": {"terms": [{"of": "input", "kernel": 1}]}, "idle": gate}
    state = {"carry": {"gate": "gate"}, "drive": {"edges": [{"add": {"of": "input"}}]}}
    cell = {"states": {"out": state}, "gates": gates, "output": "out"}
    assert used_gates(Cell.model_validate(cell)) == {"gate", "other"}
    paths = part_paths(Genome.parse(small_document(Cell.model_validate(cell))))
    assert "other" in paths
    assert "idle" not in paths


def test_lesions_have_the_same_names() -> None:
    """Whatever can be lesioned can be drawn with its effect."""
    if importlib.util.find_spec("space.lesions") is None:
        pytest.skip("this version knows no lesions")
    lesion_parts = importlib.import_module("space.lesions").lesion_parts
    rng = random.Random(7)
    genomes = [zoo.model(name).genome for name in zoo.names()]
    for name in ("motifs-small", "motifs-2018"):
        space = Space.load(name)
        genomes += [space.sample(rng).genome for _ in range(20)]
    for genome in genomes:
        assert [part.name for part in lesion_parts(genome)] == list(part_paths(genome))
