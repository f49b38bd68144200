"""The genome's document, and what a wrong one says."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from space.errors import GenomeError
from space.genome import Genome
from space.network.grammar import as_document
from space.network.sizes import first_informed_step, layout
from space.zoo import cells as published
from tests.support.drawing import PUBLISHED_CELLS, genomes, small_document, small_genome


@given(genomes())
@settings(max_examples=60, deadline=None)
def test_document_is_the_inverse_of_parse(genome: Genome) -> None:
    text = json.dumps(genome.document())
    assert Genome.parse(json.loads(text)) == genome


@pytest.mark.parametrize("name", PUBLISHED_CELLS)
def test_published_cells_are_valid_with_and_without_feedback(name: str) -> None:
    for feedback in (True, False):
        genome = small_genome(PUBLISHED_CELLS[name], feedback=feedback)
        assert Genome.parse(genome.document()).digest == genome.digest


def _broken(**changes: Any) -> dict[str, Any]:
    return small_document(published.ugrnn()) | changes


def _stage(**changes: Any) -> dict[str, Any]:
    document = _broken()
    document["stages"][1] = document["stages"][1] | changes
    return document


def _cell(**changes: Any) -> dict[str, Any]:
    document = _broken()
    document["cells"] = {"motif": document["cells"]["motif"] | changes}
    return document


def _adds(term: dict[str, Any]) -> dict[str, Any]:
    return _cell(states={"hidden": {"drive": {"edges": [{"add": term}]}}})


WRONG = {
    "misspelt key": (_stage(convolutions={}), "stages[1]", "convolution"),
    "kernel of 0": (
        _stage(convolution={"width": 6, "kernel": 0}),
        "stages[1].convolution.kernel",
        "0 is not at least 1",
    ),
    "text for a number": (_broken(classes="5"), "classes", "without quotes"),
    "edge to no stage": (
        _broken(feedback={"conv3->conv9": True}),
        "feedback.conv3->conv9",
        "conv9",
    ),
    "edge forward": (_broken(feedback={"conv2->conv3": True}), "feedback", "does not come after"),
    "no edge": (_broken(feedback={"conv2": True}), "feedback.conv2", "SENDER->RECEIVER"),
    "unknown cell": (_stage(cell="motiv"), "stages[1].cell", '"motif"'),
    "two stages of a name": (_stage(name="conv1"), "stages[1].name", "two stages"),
    "stage called head": (_stage(name="head"), "stages[1].name", "read-out"),
    "unknown output": (_cell(output="hiden"), "cells.motif.output", '"hidden"'),
    "unknown source": (_adds({"of": "hiden", "kernel": 3}), "edges[0].add.of", '"hidden"'),
    "new before it exists": (_adds({"of": "new.hidden", "kernel": 1}), "of", "before it exists"),
    "convolution without kernel": (_adds({"of": "input", "op": "convolution"}), "kernel", "needs"),
    "identity with kernel": (
        _adds({"of": "input", "op": "identity", "kernel": 3}),
        "kernel",
        "takes no kernel",
    ),
    "identity of two": (_adds({"of": ["input", "hidden"]}), "add.of", "one source"),
    "channels that do not fit": (_adds({"of": "residual"}), "add.of", "4 channels"),
    "edge that does neither": (
        _cell(states={"hidden": {"drive": {"edges": [{}]}}}),
        "edges[0]",
        "adds or multiplies",
    ),
    "unknown gate": (
        _cell(states={"hidden": {"carry": {"gate": "updat"}}}),
        "carry.gate",
        '"update"',
    ),
    "reference that also describes": (
        _cell(states={"hidden": {"carry": {"gate": {"shared": "update", "offset": 1}}}}),
        "carry.gate",
        "describes one",
    ),
    "gate in a circle": (
        _cell(gates={"update": {"terms": [{"of": "hidden * update", "kernel": 1}]}}),
        "update",
        "depends on itself",
    ),
    "clock too short": (_broken(clock={"steps": 3}), "clock.steps", "at least 4"),
    "image never on": (_broken(clock={"image_on": 2, "image_off": 2}), "image_off", "not after"),
    "groups that do not divide": (
        _stage(convolution={"width": 6, "norm": {"kind": "group", "groups": 4}}),
        "stages[1].convolution.norm",
        "divide",
    ),
    "head larger than its map": (
        _broken(head={"form": "convolution_mean", "kernel": 9}),
        "head.kernel",
        "exceeds",
    ),
    "no stages": (_broken(stages=[]), "stages", ""),
    "not a number": (_broken(clock={"blank": float("nan")}), "clock.blank", "finite"),
}


def _many(count: int) -> list[dict[str, Any]]:
    return [{"of": "input", "kernel": 1}] * count


def _chain(stages: int, **changes: Any) -> dict[str, Any]:
    named = [{"name": f"s{i}", "convolution": {"width": 1}} for i in range(stages)]
    return {"image": {"size": 8}, "classes": 2, "stages": named, **changes}


WRONG |= {
    "10^18 steps": (_broken(clock={"steps": 10**18}), "clock.steps", "is not at most 1000"),
    "10^5 steps": (_broken(clock={"steps": 10**5}), "clock.steps", "100000 is not at most 1000"),
    "a step that is never reached": (_broken(clock={"image_on": 10**9}), "image_on", "at most"),
    "a width of 10^400": (
        _stage(convolution={"width": 10**400}),
        "stages[1].convolution.width",
        "is too large",
    ),
    "a width of 10^5000": (_stage(convolution={"width": 10**5000}), "width", "absurd size"),
    "a kernel of 10^6": (_stage(convolution={"width": 1, "kernel": 10**6}), "kernel", "1024"),
    "an image of 10^6 pixels": (_broken(image={"size": 10**6}), "image.size", "at most 4096"),
    "10^9 classes": (_broken(classes=10**9), "classes", "1000000000 is not at most 1000000"),
    "300 stages": (_chain(300), "stages", "is too long; give it at most 256 items"),
    "10^5 sources": (_adds({"of": ["input"] * 10**4, "kernel": 1}), "add.of", "at most 64"),
    "10^4 edges": (
        _cell(states={"hidden": {"drive": {"edges": [{"add": t} for t in _many(1000)]}}}),
        "edges",
        "is too long; give it at most 64 items",
    ),
    "10^3 terms": (_cell(gates={"update": {"terms": _many(1000)}}), "terms", "at most 64"),
    "10^4 states": (
        _cell(states={f"s{i}": {} for i in range(10**4)}),
        "cells.motif.states",
        "at most 32",
    ),
    "10^3 gates": (_cell(gates={f"g{i}": {} for i in range(10**3)}), "gates", "at most 64"),
    "terms without end in all": (
        _cell(gates={f"g{i}": {"terms": _many(50)} for i in range(10)}),
        "cells.motif",
        "terms in one cell, where at most 256 may stand",
    ),
    "an unroll without end": (
        _chain(200, clock={"steps": 600}),
        "clock.steps",
        "600 steps of all stages are 120,000 convolutions and terms, where at most 100,000",
    ),
    "a gate without a name": (
        _cell(states={"hidden": {"carry": {"gate": {"shared": ""}}}}),
        "carry.gate.shared",
        "at least 1 character",
    ),
    "more values than a document has": (
        _broken(feedback={f"{i}": True for i in range(30_000)}),
        "",
        "holds more than 20,000 values",
    ),
}


def test_gates_that_mask_each_other_twice_are_read_once_each() -> None:
    """Two ways lead from each of 40 gates to the next: 2^40 to the last."""
    masked = {
        f"g{i}": {"terms": [{"of": f"input * g{i - 1}", "kernel": k} for k in (1, 3)]}
        for i in range(1, 40)
    }
    document = _cell(
        gates={"g0": {"terms": _many(1)}, **masked},
        states={"hidden": {"drive": {"edges": [{"add": {"of": "input * g39"}}]}}},
    )
    assert len(Genome.parse(document).cells["motif"].gates) == 40


@pytest.mark.parametrize("case", WRONG)
def test_wrong_document_names_field_and_cure(case: str) -> None:
    document, where, text = WRONG[case]
    with pytest.raises(GenomeError) as caught:
        Genome.parse(document)
    assert where in caught.value.where
    assert text in str(caught.value)


def test_kernel_beyond_the_map_needs_clipping() -> None:
    document = small_document(published.simple_rnn(kernel=5))
    document["cells"]["motif"]["clip_kernels"] = False
    with pytest.raises(GenomeError, match=r"5 exceeds the 3x3 map .* clip_kernels: true"):
        Genome.parse(document)
    document["cells"]["motif"]["clip_kernels"] = True
    shape = layout(Genome.parse(document))["conv3"].cell
    assert shape is not None
    assert [term.kernel for term in shape.drives["hidden"]] == [3, 3]


def test_feedback_is_joined_in_string_order() -> None:  # conv10 before conv9
    stages = [{"name": f"conv{i}", "convolution": {"width": i}} for i in range(1, 11)]
    genome = Genome.parse(
        {
            "image": {"size": 8, "channels": 1},
            "stages": stages,
            "feedback": {"conv9->conv1": True, "conv10->conv1": True, "conv8->conv1": False},
        }
    )
    assert genome.senders("conv1") == ("conv10", "conv9")


def test_a_stage_is_reached_one_step_after_the_one_before() -> None:
    genome = small_genome(published.ugrnn(), clock={"steps": 8, "image_on": 2})
    assert [first_informed_step(genome, f"conv{i}") for i in (1, 2, 3)] == [2, 3, 4]
    assert first_informed_step(genome, "head") == 5


def test_absent_feedback_leaves_its_gate_out() -> None:
    cell = published.feedforward()
    document = as_document(cell)
    document["states"]["out"]["drive"]["edges"].append(
        {"multiply": {"terms": [{"of": "feedback", "kernel": 1}]}}
    )
    fed, unfed = (
        Genome.parse(small_document(cell, feedback=there) | {"cells": {"motif": document}})
        for there in (True, False)
    )
    for stage, terms in (("conv2", 1), ("conv3", 0)):
        shape = layout(fed)[stage].cell
        assert shape is not None
        assert len(shape.gates["out/1"]) == terms
    # What is absent adds nothing to the gate's argument: the gate is sigmoid(0).
    document["states"]["out"]["drive"]["edges"][-1] = {"multiply": {"offset": 0.5, "scale": 0.0}}
    constant = Genome.parse(small_document(cell) | {"cells": {"motif": document}})
    assert unfed.digest == constant.digest


def test_a_misspelt_required_key_is_called_unknown_rather_than_missing() -> None:
    document = small_document(published.ugrnn())
    document["stages"][1]["convolutoin"] = document["stages"][1].pop("convolution")
    with pytest.raises(
        GenomeError, match=r'unknown key "convolutoin"; did you mean "convolution"'
    ):
        Genome.parse(document)
