"""What a genome must satisfy beyond the types of its fields: one error with field and cure."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from space import zoo
from space.errors import GenomeError
from space.genome import Genome
from space.network.architecture import Architecture
from space.network.rules import check
from tests.support.changed_documents import (
    add_term,
    chain_stages,
    change_cell,
    change_genome,
    change_stage,
    repeat_term,
)
from tests.support.drawing import any_documents, parsed

WRONG = {
    "edge to no stage": (
        change_genome(feedback={"conv3->conv9": True}),
        "feedback.conv3->conv9",
        "conv9",
    ),
    "edge forward": (
        change_genome(feedback={"conv2->conv3": True}),
        "feedback",
        "does not come after",
    ),
    "no edge": (change_genome(feedback={"conv2": True}), "feedback.conv2", "SENDER->RECEIVER"),
    "unknown cell": (change_stage(cell="motiv"), "stages[1].cell", '"motif"'),
    "two stages of a name": (change_stage(name="conv1"), "stages[1].name", "two stages"),
    "stage called head": (change_stage(name="head"), "stages[1].name", "read-out"),
    "unknown output": (change_cell(output="hiden"), "cells.motif.output", '"hidden"'),
    "unknown source": (add_term({"of": "hiden", "kernel": 3}), "edges[0].add.of", '"hidden"'),
    "new before it exists": (
        add_term({"of": "new.hidden", "kernel": 1}),
        "of",
        "before it exists",
    ),
    "convolution without kernel": (
        add_term({"of": "input", "op": "convolution"}),
        "kernel",
        "needs",
    ),
    "identity with kernel": (
        add_term({"of": "input", "op": "identity", "kernel": 3}),
        "kernel",
        "takes no kernel",
    ),
    "identity of two": (add_term({"of": ["input", "hidden"]}), "add.of", "one source"),
    "channels that do not fit": (add_term({"of": "residual"}), "add.of", "4 channels"),
    "edge that does neither": (
        change_cell(states={"hidden": {"drive": {"edges": [{}]}}}),
        "edges[0]",
        "adds or multiplies",
    ),
    "unknown gate": (
        change_cell(states={"hidden": {"carry": {"gate": "updat"}}}),
        "carry.gate",
        '"update"',
    ),
    "reference that also describes": (
        change_cell(states={"hidden": {"carry": {"gate": {"shared": "update", "offset": 1}}}}),
        "carry.gate",
        "describes one",
    ),
    "gate in a circle": (
        change_cell(gates={"update": {"terms": [{"of": "hidden * update", "kernel": 1}]}}),
        "update",
        "depends on itself",
    ),
    "clock too short": (change_genome(clock={"steps": 3}), "clock.steps", "at least 4"),
    "image never on": (
        change_genome(clock={"image_on": 2, "image_off": 2}),
        "image_off",
        "not after",
    ),
    "groups that do not divide": (
        change_stage(convolution={"width": 6, "norm": {"kind": "group", "groups": 4}}),
        "stages[1].convolution.norm",
        "divide",
    ),
    "head larger than its map": (
        change_genome(head={"form": "convolution_mean", "kernel": 9}),
        "head.kernel",
        "exceeds",
    ),
    "terms without end in all": (
        change_cell(gates={f"g{i}": {"terms": repeat_term(50)} for i in range(10)}),
        "cells.motif",
        "terms in one cell, where at most 256 may stand",
    ),
    "an unroll without end": (
        chain_stages(200, clock={"steps": 600}),
        "clock.steps",
        "600 steps of all stages are 120,000 convolutions and terms, where at most 100,000",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_broken_rule_names_field_and_cure(case: str) -> None:
    document, where, text = WRONG[case]
    with pytest.raises(GenomeError) as caught:
        check(Architecture.model_validate_json(json.dumps(document)))
    assert where in caught.value.where
    assert text in str(caught.value)


@pytest.mark.parametrize("name", zoo.names())
def test_published_networks_break_no_rule(name: str) -> None:
    check(zoo.model(name).genome)


def refusal(architecture: Architecture) -> GenomeError | None:
    """What the rules have against an architecture."""
    try:
        check(architecture)
    except GenomeError as error:
        return error
    return None


@given(any_documents())
@settings(max_examples=30, deadline=None)
def test_checking_changes_nothing_and_ends_in_one_kind_of_error(document: dict[str, Any]) -> None:
    architecture = Architecture.model_validate_json(json.dumps(document))
    before = architecture.document()
    refused = refusal(architecture)
    assert refused is None or (refused.where and refused.cure)
    assert (parsed(document) is None) == (refused is not None)
    assert architecture.document() == before


@pytest.mark.parametrize(
    ("stage", "where", "words"),
    [
        ({"join": {"channels": 3}}, "stages[1].join.channels", "has the channels of its inputs"),
        (
            {"join": "add", "convolution": {"width": 6, "reads_feedback": True}},
            "stages[1].convolution.reads_feedback",
            "reads the feedback already",
        ),
        (
            {"second": {"width": 6, "reads_feedback": True}},
            "stages[1].second.reads_feedback",
            "first convolution",
        ),
        (
            {"convolution": {"width": 6, "norm": {"kind": "layer", "groups": 3}}},
            "stages[1].convolution.norm",
            "a layer norm has no groups",
        ),
    ],
)
def test_a_stage_says_what_it_cannot_be(stage: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(GenomeError, match=words) as caught:
        Genome.parse(change_stage(**stage))
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("decoder", "where", "words"),
    [
        ({"form": "last", "start": 3}, "decoder.start", "the last step alone is read"),
        ({"form": "avg", "start": 6}, "decoder.start", "from step 6 to 5 is empty"),
        ({"form": "avg", "trainable": True}, "decoder.trainable", "has nothing to learn"),
        ({"form": "mlp", "trainable": True}, "decoder.trainable", "is learned in any case"),
        ({"form": "conv1d", "windows": [1, 1]}, "decoder.windows", "holds one window twice"),
        ({"form": "conv1d", "windows": [3]}, "decoder.windows", "3 steps exceed the 2"),
    ],
)
def test_a_decoder_says_what_it_cannot_be(decoder: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(GenomeError, match=words) as caught:
        Genome.parse(change_genome(decoder=decoder))
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("term", "key", "words"),
    [
        ({"of": "input", "repeat": True}, "repeat", "no depthwise kernel to repeat"),
        ({"of": "input", "op": "scalar", "norm": "layer"}, "norm", "takes none"),
        ({"of": "input", "op": "position", "skip": True}, "skip", "takes none"),
        ({"of": "input", "clip": True}, "clip", "takes none"),
        ({"of": "input", "bias": True}, "bias", "has no bias"),
    ],
)
def test_a_term_takes_only_the_keys_of_its_op(term: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(GenomeError, match=words) as caught:
        Genome.parse(add_term(term))
    assert caught.value.where.endswith(f"edges[0].add.{key}")


def test_gates_that_mask_each_other_twice_are_read_once_each() -> None:
    """Two ways lead from each of 40 gates to the next: 2^40 to the last."""
    masked = {
        f"g{i}": {"terms": [{"of": f"input * g{i - 1}", "kernel": k} for k in (1, 3)]}
        for i in range(1, 40)
    }
    document = change_cell(
        gates={"g0": {"terms": repeat_term(1)}, **masked},
        states={"hidden": {"drive": {"edges": [{"add": {"of": "input * g39"}}]}}},
    )
    assert len(Genome.parse(document).cells["motif"].gates) == 40


GROUPS: dict[str, Any] = {"kind": "group", "groups": 3}
NORMED: dict[str, Any] = {"of": "input", "kernel": 1, "norm": GROUPS}


@pytest.mark.parametrize(
    ("state", "gates", "where"),
    [
        ({"drive": {"edges": [{"add": NORMED}]}}, {}, "states.out.drive.edges[0].add.norm"),
        (
            {"drive": {"edges": [{"add": {"of": "input"}}, {"multiply": {"norm": GROUPS}}]}},
            {},
            "states.out.drive.edges[1].multiply.norm",
        ),
        ({"carry": {"gate": {"terms": [NORMED]}}}, {}, "states.out.carry.gate.terms[0].norm"),
        ({"carry": {"gate": {"shared": "g"}}}, {"g": {"norm": GROUPS}}, "gates.g.norm"),
    ],
)
def test_groups_that_do_not_divide_name_their_norm(
    state: dict[str, Any], gates: dict[str, Any], where: str
) -> None:
    document = {
        "image": {"size": 6, "channels": 2},
        "classes": 3,
        "stages": [{"name": "v1", "convolution": {"width": 4}, "cell": "c"}],
        "cells": {"c": {"states": {"out": state}, "output": "out", "gates": gates}},
    }
    with pytest.raises(GenomeError, match="3 groups for 4 channels") as error:
        Genome.parse(document)
    assert error.value.where == f"cells.c.{where}"
