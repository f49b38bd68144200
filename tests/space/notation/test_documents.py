"""Whole documents: which are in the notation, and what they say in full."""

from typing import Any

import pytest

from space.notation.documents import compile_notation, find_unread, is_notation
from space.notation.phrases import NotationError
from space.space import Space

CELL = {"states": {"out": "elu"}, "edges": ["input -> out", "feedback -> out k 1"]}
SPACE: dict[str, Any] = {
    "name": "s",
    "steps": 4,
    "stages": ["a 4 k 3 cell", "b 4 k 3 cell"],
    "feedback": ["b -> a ?"],
    "cell": CELL,
}


def compiled(**changes: Any) -> dict[str, Any]:
    return compile_notation(SPACE | changes).document


def test_what_is_in_the_notation() -> None:
    assert is_notation(SPACE)
    assert is_notation({"stages": [{"name": "a"}], "cells": {"m": CELL}})
    assert not is_notation({"stages": [{"name": "a", "convolution": {"width": 4}}]})
    assert not is_notation({"name": "s", "genome": {"stages": []}})
    assert not is_notation("text")


def test_the_parts_of_a_document() -> None:
    document = compiled(
        steps="17 image 2..12",
        head="mean_linear init normal 0.01 biases 1",
        train={"learning_rate": "log 1e-3..1e-2*4e-3", "augmentation": {"flip": "true|false"}},
        classes=10,
        images={"size": 8},
    )
    genome = document["genome"]
    assert genome["clock"] == {"steps": 17, "image_on": 2, "image_off": 12}
    assert genome["head"]["weights"]["bias_initial"] == 1
    assert genome["classes"] == 10
    assert document["images"] == {"size": 8}
    rate = {"loguniform": [0.001, 0.01], "name": "learning_rate", "default": 0.004}
    flip = {"choice": [True, False], "name": "augmentation.flip"}
    assert document["recipe"] == {"learning_rate": rate, "augmentation": {"flip": flip}}


def test_a_stage_and_a_cell_may_stand_in_full() -> None:
    stage = {"name": "b", "convolution": {"width": 4}, "cell": "full"}
    cell = {"output": "out", "states": {"out": {"drive": {"edges": [{"add": {"of": "input"}}]}}}}
    document = compiled(
        stages=["a 4 cell motif", stage], cells={"full": cell, "motif": CELL}, cell=None
    )
    assert document["genome"]["stages"][1] == stage
    assert document["genome"]["cells"]["full"] == cell


def test_a_control_of_edges_takes_the_place_of_the_cell() -> None:
    changes = {"cell": CELL | {"states": {"out": "elu", "hidden ?": "8"}}, "name": "s"}
    space = Space.parse(SPACE | changes | {"controls": {"plain": ["input -> out elu"]}})
    genome = space.control("plain").genome
    assert not genome.edges
    assert not any(cell.recurrent for cell in genome.cells.values())
    described = {
        "plain": {"description": "no memory", "edges": ["input -> out"], "feedback": "none"}
    }
    assert (
        Space.parse(SPACE | {"controls": described}).controls["plain"].description == "no memory"
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"stagse": []}, r'unknown key "stagse"; did you mean "stages"'),
        ({"let": {"conv": "k 3"}}, "conv is a word of the notation"),
        ({"let": {"W": "k ,"}}, "is no sign of the notation"),
        (
            {"cell": {"states": {"out": ""}, "edges": ["input -> out"]}},
            "nothing in a reads the feedback b->a; add an edge",
        ),
        (
            {"stages": ["a 4", "b 4 cell"]},
            "nothing in a reads .*; write reads feedback in the stage a",
        ),
        ({"feedback": ["b -> a", "all"]}, "the edge b->a is written twice"),
        ({"steps": "four"}, "four is not a number"),
        ({"head": "mean"}, '"mean" is not a head'),
        ({"controls": {"plain": {"edgs": []}}}, r'unknown key "edgs" of a control'),
        ({"controls": {"plain": [["input"]]}}, "is no line of words"),
        ({"controls": {"plain": {"feedback": "b -> c"}}}, r'"c" is not a stage'),
        ({"train": {"learning_rate": "1e-2..1e-3"}}, "0.01..0.001 is empty"),
        ({"stages": "a 4"}, "is not a list"),
    ],
)
def test_wrong_documents(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(NotationError, match=problem):
        compiled(**changes)


def test_feedback_that_a_convolution_or_a_join_reads_is_read() -> None:
    for stage in ("a 4 reads feedback", "a join add 4"):
        genome = compiled(stages=[stage, "b 4 cell"])["genome"]
        assert find_unread(genome, ["b->a"]) == []
