"""The schemas accept all that is shipped and what is drawn, and refuse what is mistaken."""

from __future__ import annotations

import copy
import random
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from space import zoo
from space.documents.trees import place
from space.errors import InputError
from space.genome import Genome
from space.json_schema import genome_schema, space_schema
from space.space import Space
from tests.support.drawing import any_genomes
from tests.support.shrinking import ROOT
from ventral.testing.spaces import CONDITIONAL
from workers.job import Recipe


@cache
def genomes() -> Any:
    return Draft202012Validator(genome_schema())


@cache
def spaces() -> Any:
    return Draft202012Validator(space_schema(Recipe.model_json_schema()))


def problems(validator: Any, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_they_are_schemas() -> None:
    for validator in (genomes(), spaces()):
        Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize("name", zoo.names())
def test_every_model_of_the_zoo_is_a_genome_and_a_space_of_one(name: str) -> None:
    document = zoo.model(name).genome.document()
    assert problems(genomes(), document) == []
    assert problems(spaces(), {"name": "one", "genome": document}) == []


def test_what_files_of_the_zoo_write_short_is_right_too() -> None:
    files = sorted((ROOT / "space" / "zoo").glob("*.yaml"))
    whole = [yaml.safe_load(file.read_text())["genome"] for file in files]
    whole = [genome for genome in whole if isinstance(genome, dict) and "base" not in genome]
    assert whole
    for genome in whole:
        assert problems(genomes(), genome) == []


@pytest.mark.parametrize("name", Space.named())
def test_every_named_space_is_a_space(name: str) -> None:
    assert problems(spaces(), Space.load(name).document()) == []


def test_other_spaces_of_the_repository_are_spaces() -> None:
    file = ROOT / "benchmarks" / "search_quality" / "space.yaml"
    assert problems(spaces(), yaml.safe_load(file.read_text())) == []
    assert problems(spaces(), CONDITIONAL) == []


@settings(max_examples=25, deadline=None)
@given(genome=any_genomes())
def test_drawn_genomes_are_genomes(genome: Genome) -> None:
    assert problems(genomes(), genome.document()) == []


EDGES = "genome.cells.c.states.out.drive.edges"
TERM: dict[str, Any] = {"of": "input", "kernel": {"choice": [1, 3]}}
SMALL: dict[str, Any] = {
    "name": "small",
    "genome": {
        "clock": {"steps": 4},
        "stages": [
            {"name": "a", "convolution": {"width": 4, "kernel": 3}, "pool": {}},
            {"name": "b", "convolution": {"width": 4}, "cell": "c"},
        ],
        "feedback": {"b->a": False},
        "cells": {
            "c": {"output": "out", "states": {"out": {"drive": {"edges": [{"add": TERM}]}}}}
        },
    },
    "recipe": {"learning_rate": {"loguniform": [1e-3, 1e-1]}},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(SMALL)
    if path == "controls":  # whose keys may be paths themselves
        return {**document, path: value}
    place(document, path, None, InputError)
    place(document, path, value, InputError)
    return document


RIGHT: list[tuple[str, Any]] = [
    ("description", "one line"),
    (f"{EDGES}[0].add.kernel", {"choice": [1, 3], "up_to": "map", "default": 3, "name": "k"}),
    (f"{EDGES}[0].add.kernel", {"integers": [1, 5]}),
    (f"{EDGES}[0].add.kernel", {"same_as": "stages[0].convolution.kernel"}),
    (f"{EDGES}[0].add.of", {"choice": {"one": "input", "both": ["input", "out"]}}),
    (f"{EDGES}[1]", {"optional": {"add": {"of": "residual", "op": "match"}}, "default": True}),
    (f"{EDGES}[1]", {"choice": [{"add": TERM}, {"multiply": {"terms": [TERM]}}], "name": "by"}),
    (f"{EDGES}[1]", {"multiply": {"offset": {"uniform": [0.5, 1]}, "terms": []}}),
    ("genome.cells.c.states.out.norm", {"choice": ["layer", {"kind": "group", "groups": 2}]}),
    ("genome.stages[1].join", {"choice": ["concat", "add"], "weights": [1, 3]}),
    ("genome.stages[0].residual", {"by": "stride", "norm": "batch"}),
    ("genome.decoder", {"choice": ["avg", {"form": "w_avg", "beta": 2}]}),
    ("genome.feedback.b->a", {"choice": [False, True], "weights": [9, 1]}),
    ("genome.cells.c", {"choice": {"x": SMALL["genome"]["cells"]["c"]}, "name": "cell"}),
    ("recipe", {"optional": {"epochs": 3}, "name": "recipe"}),
    ("only", {"k": [3]}),
    ("controls", {"plain": {"genome": {"stages[*].cell": None}, "choices": {"k": 1}}}),
    ("images", {"size": 16, "channels": 1, "classes": 10}),
]
WRONG: list[tuple[str, Any]] = [
    ("nmae", "small"),
    ("name", "two words"),
    ("images.size", "16"),
    ("genome.stagse", []),
    ("genome.stages", []),
    ("genome.stages[0].convolution.widht", 4),
    ("genome.stages[0].convolution.width", 0),
    ("genome.stages[0].convolution.width", {"integers": [0, 4]}),
    ("genome.stages[0].convolution.width", {"choice": [4, "8"]}),
    ("genome.stages[0].convolution.width", {"uniform": [4.0, 8.0]}),
    ("genome.stages[0].convolution.width", {"choice": [4, 8], "up_to": "map"}),
    ("genome.stages[0].pool", {"kind": "median"}),
    ("genome.clock.steps", 4.5),
    ("genome.feedback.b->a", "yes"),
    (f"{EDGES}[0].add.op", "convolve"),
    (f"{EDGES}[0].add.kernel", {"choice": []}),
    (f"{EDGES}[0].add.kernel", {"choice": [1, 3], "weight": [1, 1]}),
    (f"{EDGES}[0].add.kernel", {"choice": [1, 3], "weights": [1, -1]}),
    (f"{EDGES}[0].add.kernel", {"choice": [1, 3], "up_to": "mop"}),
    (f"{EDGES}[0].add.kernel", {"choice": [1, 3], "optional": 3}),
    (f"{EDGES}[1]", {"optional": {"add": {"of": "input", "kernl": 3}}}),
    (f"{EDGES}[1]", {"subtract": TERM}),
    (f"{EDGES}[1]", {"multiply": {"offset": {"uniform": [0.5]}}}),
    ("genome.cells.c.states.out.norm", "lair"),
    ("genome.cells.c.states.2nd", {}),
    ("recipe.lerning_rate", 0.1),
    ("recipe.learning_rate", {"loguniform": [0.0, 0.1]}),
    ("controls", {"plain": {"genom": {}}}),
]


def ids(cases: list[tuple[str, Any]]) -> list[str]:
    return [f"{number}:{path.rpartition('.')[2]}" for number, (path, _) in enumerate(cases)]


@pytest.mark.parametrize(("path", "value"), RIGHT, ids=ids(RIGHT))
def test_every_form_of_the_grammar_is_accepted(path: str, value: Any) -> None:
    document = changed(path, value)
    if path not in ("only", "controls"):
        Space.parse(document)
    assert problems(spaces(), document) == []


def use(document: dict[str, Any]) -> None:
    """Draw from a space until every option of its few choices was drawn. Raises InputError."""
    space, rng = Space.parse(document), random.Random(0)
    for _ in range(60):
        Recipe().overlaid(space.sample(rng).recipe)


@pytest.mark.parametrize(("path", "value"), WRONG, ids=ids(WRONG))
def test_a_mistake_is_refused_as_the_program_does(path: str, value: Any) -> None:
    document = changed(path, value)
    with pytest.raises(InputError):
        use(document)
    assert problems(spaces(), document)


def test_a_genome_has_no_choices_and_a_base_stands_alone() -> None:
    closed = changed(f"{EDGES}[0].add.kernel", 3)["genome"]
    assert problems(genomes(), closed) == []
    assert problems(genomes(), SMALL["genome"])
    assert problems(genomes(), {**closed, "classes": 0})
    based = {"name": "x", "genome": {"base": "gru_shallow", "choices": {"a": {"choice": [1]}}}}
    assert problems(spaces(), based) == []
    based["genome"]["stages"] = []  # type: ignore[index]
    assert problems(spaces(), based)


def test_every_word_says_what_it_means() -> None:
    def undescribed(schema: dict[str, Any]) -> list[str]:
        parts = {**schema["$defs"], schema["title"]: schema}
        return [
            f"{name}.{key}"
            for name, part in parts.items()
            for key, value in part.get("properties", {}).items()
            if "description" not in value
        ]

    assert undescribed(genomes().schema) == []
