"""What is drawn of a network: what is read, by whom, and no more."""

from __future__ import annotations

from typing import Any

from space import zoo
from space.circuits.present import list_reads, present_cells, present_edges
from space.genome import Genome
from space.network.grammar import Cell
from space.zoo import reciprocal_gated as reciprocal
from tests.support.drawing import small_document, small_genome


def read(cell: dict[str, Any], **changes: Any) -> Genome:
    return Genome.parse(small_document(Cell.model_validate(cell), **changes))


def test_a_cell_is_there_once_with_its_stages() -> None:
    (cell,) = present_cells(zoo.model("rgc_intermediate").genome)
    assert cell.stages == ("conv4", "conv5", "conv6", "conv7", "conv8", "conv9", "conv10")
    assert cell.fed == ("conv5", "conv6", "conv7", "conv9")
    assert [one.name for one in present_cells(zoo.model("lstm_shallow").genome)] == [
        "lstm3",
        "lstm4",
        "lstm5",
    ]


def test_states_and_gates_that_lead_nowhere_are_left_out() -> None:
    gate = {"terms": [{"of": "input", "kernel": 1}]}
    states = {
        "idle": {"drive": {"edges": [{"add": {"of": "out"}}, {"multiply": "unused"}]}},
        "out": {"drive": {"edges": [{"add": {"of": "input * used"}}]}},
    }
    gates = {"unused": gate, "used": gate}
    (cell,) = present_cells(read({"states": states, "gates": gates, "output": "out"}))
    assert (cell.states, cell.gates) == (("out",), ("used",))


def test_feedback_that_does_not_arrive_is_not_read() -> None:
    median = reciprocal.rgc_median(cell_depth=3)
    names = {
        arrives: {
            s.name for s in list_reads(present_cells(small_genome(median, feedback=arrives))[0])
        }
        for arrives in (True, False)
    }
    assert names[True] - names[False] == {"feedback"}
    state = {"carry": {"of": "feedback"}, "drive": {"edges": [{"add": {"of": "input"}}]}}
    cell = {"states": {"out": state}, "output": "out"}
    assert present_cells(read(cell, feedback=False))[0].kept("out") is None
    kept = present_cells(read(cell))[0].kept("out")
    assert kept is not None
    assert kept.name == "feedback"


def test_feedback_that_nobody_reads_is_left_out() -> None:
    cell = {"states": {"out": {"drive": {"edges": [{"add": {"of": "input"}}]}}}, "output": "out"}
    assert present_edges(read(cell)) == ()
    assert len(present_edges(small_genome(reciprocal.rgc_median(cell_depth=3)))) == 1
    document = read(cell).document()
    for change in ({"join": "add"}, {"convolution": {"width": 6, "reads_feedback": True}}):
        document["stages"][1] |= change
        assert len(present_edges(Genome.parse(document))) == 1
        document = read(cell).document()
