"""What is written in the notation is read as the same."""

from typing import Any

import pytest
from hypothesis import given, settings

from space import zoo
from space.genome import Genome
from space.network.grammar import Cell
from space.notation import format_notation, parse_notation
from space.space import Space
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, genomes, small_document
from tests.support.toys import space as toy_space

LINES = 12


def read_back(document: dict[str, Any]) -> Genome:
    return Genome.parse(parse_notation(format_notation(document))["genome"])


def list_cell_lines(text: str) -> dict[str, list[str]]:
    """The lines of every cell of a text, its name's among them."""
    cells: dict[str, list[str]] = {}
    name, indent = "", 0
    inside = False
    for line in text.splitlines():
        depth = len(line) - len(line.lstrip())
        if depth == 0:
            inside = line in ("cell:", "cells:")
            name, indent = ("cell", 0) if line == "cell:" else ("", 2)
        if not inside or line == "cells:":
            continue
        if depth == indent and not line.lstrip().startswith("-"):
            name = line.strip(" :")
        cells.setdefault(name, []).append(line)
    return cells


@pytest.mark.parametrize("name", zoo.names())
def test_every_published_network_has_cells_of_few_lines(name: str) -> None:
    genome = zoo.model(name).genome
    text = format_notation(genome.document())
    assert read_back(genome.document()).digest == genome.digest
    cells = list_cell_lines(text)
    assert len(cells) == len(genome.cells)
    assert all(len(lines) <= LINES for lines in cells.values()), text
    assert "drive: {" not in text  # nothing stands in full


@pytest.mark.parametrize("cell", PUBLISHED_CELLS.values(), ids=PUBLISHED_CELLS)
def test_every_published_cell_has_few_lines(cell: Cell) -> None:
    document = Genome.parse(small_document(cell)).document()
    text = format_notation(document)
    [lines] = list_cell_lines(text).values()
    assert len(lines) <= LINES, text
    assert read_back(document).digest == Genome.parse(document).digest


@settings(max_examples=30, deadline=None)
@given(genomes())
def test_a_drawn_network_comes_back(genome: Genome) -> None:
    assert read_back(genome.document()).digest == genome.digest


@settings(max_examples=20, deadline=None)
@given(any_genomes())
def test_a_network_of_the_whole_grammar_comes_back(genome: Genome) -> None:
    assert read_back(genome.document()).digest == genome.digest


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(any_genomes())
def test_many_networks_of_the_whole_grammar_come_back(genome: Genome) -> None:
    assert read_back(genome.document()).digest == genome.digest


@pytest.mark.parametrize("name", Space.named())
def test_a_space_comes_back_with_its_choices(name: str) -> None:
    space = Space.load(name)
    text = format_notation(space.document())
    assert Space.parse(parse_notation(text)) == space


def test_a_space_of_the_full_grammar_comes_back_with_its_names() -> None:
    """What the notation cannot say stands in full, and other names behind `as`."""
    space = toy_space()
    text = format_notation(space.document())
    again = Space.parse(parse_notation(text))
    assert [p.domain for p in again.parameters] == [p.domain for p in space.parameters]
    assert again.complete({}).digest == space.complete({}).digest


OUT: dict[str, Any] = {"drive": {"edges": [{"add": {"of": "input"}}]}}
TIED = OUT | {"activation": {"same_as": "f"}}


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": {"rate": {"optional": {"choice": [0.1, 0.2]}, "name": "rate"}}},
        {"recipe": {"rate": {"choice": [0.1], "name": "rate"}}},
        {"recipe": {"rate": {"integers": [1, 3], "name": "rate"}, "again": {"same_as": "rate"}}},
        {"clock": {"steps": {"choice": {"short": 5, "long": 7}, "name": "steps"}}},
        {"states": {"out": OUT | {"depth": {"choice": [4], "name": "depth"}}}},
        {
            "states": {"hidden": OUT | {"activation": {"choice": ["elu", "relu"], "name": "f"}}}
            | {"out": TIED}
        },
    ],
    ids=["optional", "one option", "tied", "labels", "one depth", "tied words"],
)
def test_choices_that_have_no_words_stand_in_full(changes: dict[str, Any]) -> None:
    genome: dict[str, Any] = {
        "stages": [{"name": "a", "convolution": {"width": 4}, "cell": "motif"}],
        "clock": changes.get("clock", {"steps": 4}),
        "cells": {"motif": {"output": "out", "states": changes.get("states", {"out": OUT})}},
    }
    space = Space.parse({"name": "s", "genome": genome, "recipe": changes.get("recipe", {})})
    assert Space.parse(parse_notation(format_notation(space.document()))) == space
