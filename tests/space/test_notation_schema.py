"""The schema of spaces holds files in the notation: their keys, and what stands under each."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from search.upkeep.starter import SPACE_TEXT
from space import zoo
from space.documents.yaml_reading import load_yaml
from space.errors import InputError
from space.json_schema import space_schema
from space.notation import format_notation
from space.space import Space
from tests.support.shrinking import ROOT
from workers.job import Recipe

VALIDATOR = Draft202012Validator(space_schema(Recipe.model_json_schema()))
SMALL: dict[str, Any] = load_yaml(SPACE_TEXT)


def problems(document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)]


@pytest.mark.parametrize(
    "file",
    ["space/spaces/motifs-small.yaml", "space/spaces/motifs-2018.yaml", "examples/own-space.yaml"],
)
def test_files_that_come_along_are_right(file: str) -> None:
    assert problems(load_yaml((ROOT / file).read_text())) == []


@pytest.mark.parametrize("name", zoo.names())
def test_what_is_written_in_the_notation_is_right(name: str) -> None:
    document = {"name": "one", "genome": zoo.model(name).genome.document()}
    assert problems(load_yaml(format_notation(document))) == []


RIGHT: dict[str, Any] = {
    "steps": "9 image 0..6",
    "feedback": "conv3 -> conv2",
    "let": {"W": "k 3"},
    "head": "mean_linear biases 0",
    "train": {"learning_rate": "log 1e-3..1e-1"},
    "controls": {"plain": {"description": "none", "feedback": "none", "edges": ["input -> out"]}},
    "images": {"size": 16},
}


@pytest.mark.parametrize("key", RIGHT)
def test_forms_that_are_read_are_right(key: str) -> None:
    document = SMALL | {key: RIGHT[key]}
    Space.parse(document)
    assert problems(document) == []


WRONG: dict[str, tuple[str, Any]] = {
    "an unknown key": ("stagse", []),
    "no stages": ("stages", []),
    "a stage of a number": ("stages", [3]),
    "edges that are no list": ("cell", {"states": {"out": "elu"}, "edges": "input -> out"}),
    "a cell without states": ("cell", {"edges": ["input -> out"]}),
    "an unknown key of a cell": ("cell", SMALL["cell"] | {"egdes": []}),
    "a state that is a list": ("cell", SMALL["cell"] | {"states": {"out": ["elu"]}}),
    "a control of an unknown key": ("controls", {"plain": {"edgse": ["input -> out"]}}),
    "controls that are a list": ("controls", ["input -> out"]),
    "words that are no mapping": ("let", ["W"]),
    "an image of words": ("images", {"size": "large"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_refused_as_the_program_does(case: str) -> None:
    key, value = WRONG[case]
    document = copy.deepcopy(SMALL) | {key: value}
    with pytest.raises(InputError):
        Space.parse(document)
    assert problems(document)
