"""One digest for all spellings of a network, another for every other network."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space import published
from space.genome import Genome
from space.grammar import as_document
from tests.drawing import PUBLISHED_CELLS, cells, genomes, small_document


def _digest(document: dict[str, Any]) -> str:
    return Genome.parse(document).digest


def _renamed(node: Any, names: dict[str, str]) -> Any:
    """A cell's document with states and gates renamed wherever they stand."""
    if isinstance(node, dict):
        return {names.get(key, key): _renamed(item, names) for key, item in node.items()}
    if isinstance(node, list):
        return [_renamed(item, names) for item in node]
    if isinstance(node, str):
        parts = [part.strip() for part in node.split("*")]
        return " * ".join(
            f"new.{names.get(part[4:], part[4:])}"
            if part.startswith("new.")
            else names.get(part, part)
            for part in parts
        )
    return node


@given(cells(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_names_and_the_order_of_sums_do_not_matter(cell: dict[str, Any], rng: Any) -> None:
    document = small_document(published.ugrnn()) | {
        "cells": {"motif": cell | {"clip_kernels": True}}
    }
    spelling = copy.deepcopy(document)
    other = _renamed(spelling["cells"].pop("motif"), {"hidden": "h", "out": "o", "common": "g"})
    for state in other["states"].values():
        rng.shuffle(state["drive"]["edges"])
        for edge in state["drive"]["edges"]:
            if "multiply" in edge:
                rng.shuffle(edge["multiply"].get("terms", []))
    spelling["cells"]["cell_of_another_name"] = other
    for stage in spelling["stages"]:
        if "cell" in stage:
            stage["cell"] = "cell_of_another_name"
        stage["name"] = stage["name"].replace("conv", "area")
    spelling["feedback"] = {"area3->area2": True}
    assert _digest(spelling) == _digest(document)


def test_a_state_that_nothing_reads_does_not_matter() -> None:
    document = small_document(published.ugrnn())
    plain = _digest(document)
    unread = {"drive": {"edges": [{"add": {"of": ["input", "unread"], "kernel": 3}}]}}
    document["cells"]["motif"]["states"]["unread"] = unread
    assert _digest(document) == plain


def test_a_bias_that_cannot_act_does_not_matter() -> None:
    cell = as_document(PUBLISHED_CELLS["rgc_median"])
    document = small_document(published.ugrnn()) | {"cells": {"motif": cell}}
    plain = _digest(document)
    gate = cell["states"]["out"]["carry"]["gate"]
    assert gate["bias"] != 0.0
    gate["bias"] = 1.25
    assert _digest(document) == plain
    gate["bias_acts"] = "always"
    assert _digest(document) != plain


def test_feedback_that_no_cell_reads_does_not_matter() -> None:
    document = small_document(published.ugrnn())
    assert _digest(document) == _digest(document | {"feedback": {}})
    read = small_document(PUBLISHED_CELLS["rgc_median"])
    assert _digest(read) != _digest(read | {"feedback": {}})


def test_a_kernel_beyond_the_map_is_the_kernel_of_the_map() -> None:
    document = small_document(published.ugrnn(kernel=6))
    other = small_document(published.ugrnn(kernel=9))
    assert _digest(document) == _digest(other)
    assert _digest(document) != _digest(small_document(published.ugrnn(kernel=5)))


def test_a_shared_gate_is_not_two_equal_gates() -> None:
    document = small_document(published.ugrnn())
    apart = copy.deepcopy(document)
    cell = apart["cells"]["motif"]
    cell["states"]["hidden"]["carry"]["gate"] = cell["gates"]["update"]
    assert _digest(apart) != _digest(document)


def test_all_published_cells_differ() -> None:
    digests = {_digest(small_document(cell)) for cell in PUBLISHED_CELLS.values()}
    assert len(digests) == len(PUBLISHED_CELLS)


CHANGES: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "width": (("stages", 1, "convolution", "width"), 8),
    "stage activation": (("stages", 0, "convolution", "activation"), "relu"),
    "pool": (("stages", 0, "pool"), {"kind": "mean"}),
    "steps": (("clock", "steps"), 5),
    "image off": (("clock", "image_off"), 3),
    "blank": (("clock", "blank"), 0.0),
    "classes": (("classes",), 6),
    "image": (("image", "size"), 13),
    "start": (("start",), "masked"),
    "resize": (("resize",), "half_pixel"),
    "head": (("head",), {"form": "flatten_linear"}),
    "residual": (("stages", 2, "residual"), True),
    "second": (("stages", 2, "second"), {"width": 6}),
    "kernel": (("cells", "motif", "states", "cell", "carry", "gate", "terms", 0, "kernel"), 1),
    "nonlinearity": (
        ("cells", "motif", "states", "cell", "carry", "gate", "nonlinearity"),
        "relu",
    ),
    "offset": (("cells", "motif", "states", "cell", "carry", "gate", "offset"), 0.9),
    "scale": (("cells", "motif", "states", "cell", "carry", "gate", "scale"), 1.0),
    "bias": (("cells", "motif", "states", "cell", "carry", "gate", "bias"), 0.5),
    "activation": (("cells", "motif", "states", "out", "activation"), "relu"),
    "norm": (("cells", "motif", "states", "out", "norm"), {"kind": "layer"}),
    "depth": (("cells", "motif", "states", "cell", "depth"), 4),
    "initial": (("cells", "motif", "weights", "initial", "scale"), 0.5),
    "decay": (("cells", "motif", "weights", "decay"), 0.5),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_effective_change_changes_the_digest(change: str) -> None:
    document = small_document(PUBLISHED_CELLS["rgc_median"])
    document["cells"]["motif"]["states"]["cell"]["carry"]["gate"]["bias_acts"] = "always"
    plain = _digest(document)
    path, value = CHANGES[change]
    node: Any = document
    for step in path[:-1]:
        node = node[step]
    assert node.get(path[-1]) != value if isinstance(node, dict) else True
    node[path[-1]] = value
    assert _digest(document) != plain


@given(genomes())
@settings(max_examples=40, deadline=None)
def test_the_digest_is_a_function_of_the_document(genome: Genome) -> None:
    assert Genome.parse(genome.document()).digest == genome.digest
    assert len(genome.digest) == 20
