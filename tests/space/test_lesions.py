"""Every part of a network can be removed, and what is left is the network without that part."""

from __future__ import annotations

import random
from typing import Any

import pytest

from space import zoo
from space.errors import GenomeError
from space.genome import Genome
from space.lesions import Part, lesion_parts, remove_part
from space.network.grammar import Cell
from space.space import Space
from space.unroll.cost import cost
from space.zoo import cells

# One of a kind: the others differ in decoders, depths and clocks.
MODELS = (
    "gru_shallow",
    "intersectionrnn_shallow",
    "lstm_intermediate",
    "median_2018_t12_feedback",
    "rgc_shallow",
    "simplernn_shallow",
    "timedecay_2018",
)


def with_cell(cell: Cell | dict[str, Any], **changes: Any) -> Genome:
    """Two stages that carry a cell, with feedback between them."""
    document = cell.model_dump() if isinstance(cell, Cell) else cell
    stages = [
        {"name": name, "convolution": {"width": 4}, "cell": "cell"} for name in ("low", "high")
    ]
    feedback = {"high->low": True}
    whole = {"image": {"size": 8}, "classes": 3, "clock": {"steps": 5}, "stages": stages}
    return Genome.parse({**whole, "feedback": feedback, "cells": {"cell": document}, **changes})


def names(genome: Genome, kind: str) -> list[str]:
    return [part.name for part in lesion_parts(genome) if part.kind == kind]


def part_of(genome: Genome, name: str) -> Part:
    return next(part for part in lesion_parts(genome) if part.name == name)


def without(genome: Genome, name: str) -> Cell:
    return remove_part(genome, part_of(genome, name)).cells["cell"]


def check_lesions(genome: Genome) -> None:
    """Every lesion is a network, no larger, and another one where the part acts."""
    parts = lesion_parts(genome)
    assert len({part.name for part in parts}) == len(parts)
    whole, digest = cost(genome).parameters, genome.digest
    for part in parts:
        left = remove_part(genome, part)
        assert cost(left).parameters <= whole, part
        assert left.digest != digest, part
        assert remove_part(genome, part) == left


@pytest.mark.parametrize("model", MODELS)
def test_every_lesion_of_a_published_network_is_a_network(model: str) -> None:
    check_lesions(zoo.model(model).genome)


@pytest.mark.slow
@pytest.mark.parametrize("model", zoo.names())
def test_every_lesion_of_the_zoo_is_a_network(model: str) -> None:
    check_lesions(zoo.model(model).genome)


@pytest.mark.parametrize("seed", range(8))
def test_every_lesion_of_a_sample_is_a_network(seed: int) -> None:
    space = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)
    genome = space.sample(random.Random(seed)).genome
    parts, whole, digest = lesion_parts(genome), cost(genome).parameters, genome.digest
    assert parts
    inert = set[str]()
    for part in parts:
        left = remove_part(genome, part)
        assert cost(left).parameters <= whole
        if left.digest == digest:
            inert.add(part.name)
    # A hidden state need not be read; whatever the output itself reads acts.
    assert not {name for name in inert if name.endswith("->out")}


def test_the_parts_of_a_gru_have_readable_names() -> None:
    genome = with_cell(cells.conv_gru())
    assert names(genome, "edge") == [
        "hidden->hidden carry",
        "input->hidden",
        "hidden->hidden",
        "input->reset",
        "hidden->reset",
        "input->update",
        "hidden->update",
    ]
    assert names(genome, "gate") == ["reset", "update"]
    assert names(genome, "state") == ["hidden"]
    assert names(genome, "feedback") == ["high->low"]


def test_networks_without_cells_and_feedback_have_no_parts() -> None:
    assert lesion_parts(zoo.model("resnet18").genome) == ()


def test_a_removed_gate_multiplies_by_one_wherever_it_or_its_complement_did() -> None:
    genome = with_cell(cells.conv_gru())
    left = without(genome, "update").states["hidden"]
    assert left.carry is not None
    assert left.carry.gate is None
    assert left.drive.gates == ()
    unmasked = without(genome, "reset")
    assert unmasked.states["hidden"].drive.terms[0].of == ("input", "hidden")
    assert list(unmasked.gates) == ["update"]


def test_an_edge_that_multiplies_is_gone_with_its_gate() -> None:
    gate = {"terms": [{"of": "residual", "kernel": 1}], "bias": 3.0}
    edges = [{"add": {"of": "input"}}, {"multiply": gate}]
    genome = with_cell({"states": {"out": {"drive": {"edges": edges}}}, "output": "out"})
    assert names(genome, "gate") == []
    assert len(without(genome, "residual->out times").states["out"].drive.edges) == 1


def test_a_source_of_a_joined_term_is_removed_from_it_alone() -> None:
    genome = with_cell(cells.basic_rnn())
    assert without(genome, "hidden->hidden").states["hidden"].drive.terms[0].of == ("input",)
    assert without(genome, "input->hidden").states["hidden"].drive.terms[0].of == ("hidden",)


def test_sources_that_are_added_past_the_op_go_together() -> None:
    joint = {"of": ["input", "memory"], "kernel": 3, "skip": True}
    memory = {"drive": {"edges": [{"add": {"of": "input"}}]}}
    out = {"depth": 8, "drive": {"edges": [{"add": joint}]}}
    cell = {"states": {"memory": memory, "out": out}, "output": "out"}
    genome = with_cell(cell, feedback={})
    assert "input+memory->out" in names(genome, "edge")
    assert without(genome, "input+memory->out").states["out"].drive.edges == ()


def test_without_its_carry_a_state_keeps_nothing() -> None:
    left = without(with_cell(cells.conv_lstm()), "cell->cell carry")
    assert left.states["cell"].carry is None


def test_a_removed_state_goes_with_everything_that_reads_it() -> None:
    left = without(with_cell(cells.conv_lstm()), "cell")
    assert list(left.states) == ["hidden"]
    assert not left.reads("cell")
    assert left.states["hidden"].drive.terms == ()


def test_of_the_state_that_is_put_out_only_the_memory_is_removed() -> None:
    left = without(with_cell(cells.conv_gru()), "hidden")
    assert not left.recurrent
    assert left.states["hidden"].carry is None
    assert all(term.of == ("input",) for term in left.terms)


def test_a_removed_feedback_edge_is_not_there() -> None:
    genome = with_cell(
        {"states": {"out": {"drive": {"edges": [{"add": {"of": "input"}}]}}}, "output": "out"},
        feedback={"high -> low": True},
    )
    assert remove_part(genome, part_of(genome, "high->low")).edges == ()


def test_feedback_that_no_stage_receives_is_no_part() -> None:
    edges = [{"add": {"of": "input"}}, {"add": {"of": "feedback", "kernel": 1}}]
    cell = {"states": {"out": {"drive": {"edges": edges}}}, "output": "out"}
    assert names(with_cell(cell), "edge") == ["input->out", "feedback->out"]
    assert names(with_cell(cell, feedback={}), "edge") == ["input->out"]


def test_two_parts_of_one_name_are_numbered() -> None:
    edges = [{"add": {"of": "input", "kernel": 1}}, {"add": {"of": "input", "kernel": 3}}]
    genome = with_cell({"states": {"out": {"drive": {"edges": edges}}}, "output": "out"})
    assert names(genome, "edge") == ["input->out", "input->out#2"]
    (left,) = without(genome, "input->out").states["out"].drive.terms
    assert left.kernel == 3


def test_of_several_cells_each_part_names_its_own() -> None:
    plain = {"states": {"out": {"drive": {"edges": [{"add": {"of": "input"}}]}}}, "output": "out"}
    stages = [
        {"name": name, "convolution": {"width": 4}, "cell": name} for name in ("low", "high")
    ]
    genome = with_cell(plain, stages=stages, cells={"low": plain, "high": plain}, feedback={})
    assert names(genome, "edge") == ["low: input->out", "high: input->out"]


def test_what_is_no_part_is_refused() -> None:
    genome = with_cell(cells.conv_gru())
    with pytest.raises(GenomeError, match="hidden->updat: is no edge of this network; did you"):
        remove_part(genome, Part(name="hidden->updat", kind="edge"))
