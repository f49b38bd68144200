"""The equations of cells: the text of two cells is one exactly if the cells are one."""

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space.equation.network import write_cells
from space.genome import Genome
from space.network.grammar import Cell
from tests.support import spelling
from tests.support.drawing import (
    PUBLISHED_CELLS,
    any_cells,
    cells,
    parsed,
    small_document,
    small_genome,
)

SPELLINGS = [
    spelling.rename_states,
    spelling.reorder,
    spelling.add_what_nothing_reads,
    spelling.multiply_by_one,
    spelling.pass_on,
    spelling.keep_nothing,
    spelling.turn_a_gate_round,
    spelling.share_or_write_in_place,
    spelling.change_a_bias_that_cannot_act,
    spelling.cut_kernels,
]
"""Those that stay within a cell."""

ANY_CELL = st.one_of(
    cells(),
    any_cells(),
    st.sampled_from(list(PUBLISHED_CELLS.values())).map(lambda c: c.model_dump()),
)


def read(genome: Genome) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The equations of a network, by the stages that have them."""
    return [(one.stages, one.written.format()) for one in write_cells(genome)]


def respell(genome: Genome, rng: random.Random) -> Genome:
    document = copy.deepcopy(spelling.written_out(genome))
    for _ in range(6):
        rng.choice(SPELLINGS)(document, rng)
    return Genome.parse(document)


def change(genome: Genome, rng: random.Random) -> Genome | None:
    """The network with one field of its cell changed."""
    for _ in range(20):
        made = spelling.changed(genome, rng)
        if made is not None and made[1]["cells"] != spelling.written_out(genome)["cells"]:
            return parsed(spelling.written_out(genome) | {"cells": made[1]["cells"]})
    return None


def compare(cell: dict[str, Any], feedback: bool, seed: int) -> None:
    """Other spellings of a cell print alike, and changed ones exactly if they are the same."""
    rng = random.Random(seed)
    genome = parsed(small_document(Cell.model_validate(cell), feedback=feedback))
    if genome is None:
        return
    spelled = respell(genome, rng)
    assert spelled.digest == genome.digest
    assert read(spelled) == read(genome)
    for _ in range(4):
        other = change(genome, rng)
        if other is not None:
            assert (read(other) == read(genome)) == (other.digest == genome.digest)


@settings(max_examples=15, deadline=None)
@given(cell=ANY_CELL, feedback=st.booleans(), seed=st.integers(0, 2**32))
def test_cells_print_alike_exactly_if_they_are_one(
    cell: dict[str, Any], feedback: bool, seed: int
) -> None:
    compare(cell, feedback, seed)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(cell=ANY_CELL, feedback=st.booleans(), seed=st.integers(0, 2**32))
def test_many_cells_print_alike_exactly_if_they_are_one(
    cell: dict[str, Any], feedback: bool, seed: int
) -> None:
    compare(cell, feedback, seed)


def motif() -> dict[str, Any]:
    """A cell with a hidden state, a gate on the sum and one on what is kept."""
    keeps = {
        "offset": 1.0,
        "scale": -0.9,
        "terms": [{"of": "out", "op": "separable", "kernel": 1}],
    }
    times = {
        "offset": 1.0,
        "scale": -0.75,
        "nonlinearity": "tanh",
        "terms": [{"of": "residual", "kernel": 5}],
    }
    hidden = {
        "depth": 3,
        "drive": {"edges": [{"add": {"of": "input", "kernel": 3}}]},
        "carry": {},
        "norm": {"kind": "layer"},
        "activation": "elu",
    }
    edges = [
        {"add": {"of": "input", "kernel": 5}},
        {"add": {"of": "residual", "op": "match"}},
        {"add": {"of": "new.hidden", "kernel": 1}},
        {"multiply": times},
    ]
    out = {"carry": {"gate": keeps}, "drive": {"edges": edges}, "activation": "elu"}
    return {"output": "out", "states": {"hidden": hidden, "out": out}}


def test_a_motif_is_written_with_the_right_precedence() -> None:
    assert write_cells(small_genome(Cell.model_validate(motif())))[0].written.format() == (
        "out = elu([1 - 0.9 sigmoid(out1s)] x out "
        "+ (input5 + residual + new.hidden1) x [1 - 0.75 tanh(residual5)])",
        "hidden{3 channels} = elu(layer_norm(hidden + input3))",
    )


OUT, HIDDEN = ("states", "out"), ("states", "hidden")
EDGES = (*OUT, "drive", "edges")
GATE = (*EDGES, 3, "multiply")
NEAR_MISSES: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "depth": ((*HIDDEN, "depth"), 4),
    "no norm": ((*HIDDEN, "norm"), None),
    "norm of groups": ((*HIDDEN, "norm"), {"kind": "group", "groups": 3}),
    "epsilon": ((*HIDDEN, "norm"), {"kind": "layer", "epsilon": 1e-3}),
    "gain": ((*HIDDEN, "norm"), {"kind": "layer", "gain": 0.5}),
    "activation": ((*HIDDEN, "activation"), "relu"),
    "carry": ((*HIDDEN, "carry"), None),
    "offset": ((*GATE, "offset"), 0.9),
    "scale": ((*GATE, "scale"), -0.7500001),
    "nonlinearity": ((*GATE, "nonlinearity"), "sigmoid"),
    "bias of the gate": ((*GATE, "bias"), 1.0),
    "kernel": ((*EDGES, 0, "add", "kernel"), 3),
    "separable": ((*EDGES, 0, "add", "op"), "separable"),
    "no bias": ((*EDGES, 0, "add", "bias"), False),
    "own activation": ((*EDGES, 0, "add", "activation"), "elu"),
    "squared": ((*EDGES, 0, "add", "squared"), True),
    "decay": ((*EDGES, 0, "add", "weights"), {"decay": 0.3}),
    "decay of the bias": ((*EDGES, 0, "add", "weights"), {"bias_decay": 0.3}),
    "initial values": ((*EDGES, 0, "add", "weights"), {"initial": {"scheme": "normal"}}),
    "initial bias": ((*EDGES, 0, "add", "weights"), {"bias_initial": 0.5}),
    "decay of all": (("weights",), {"decay": 0.3}),
    "convolved residual": ((*EDGES, 1), {"add": {"of": "residual", "kernel": 1}}),
    "old hidden": ((*EDGES, 2, "add", "of"), "hidden"),
    "matched hidden": ((*EDGES, 2), {"add": {"of": "new.hidden", "op": "match"}}),
    "one convolution of two": ((*EDGES, 0, "add", "of"), ["input", "out"]),
    "feedback": ((*EDGES, 0, "add", "of"), "feedback"),
    "gate on another thing": ((*GATE, "terms", 0, "of"), "input"),
    "no gate": ((*OUT, "carry", "gate"), None),
    "learned number": ((*EDGES, 0), {"add": {"of": "input", "op": "scalar"}}),
    "peephole": ((*EDGES, 0), {"add": {"of": "input", "op": "position"}}),
    "mask": ((*EDGES, 0, "add", "of"), "input * mask"),
    "norm of the state": ((*OUT, "norm"), {"kind": "layer"}),
    "norm of the sum": ((*OUT, "drive", "norm"), {"kind": "layer"}),
    "norm of a term": ((*EDGES, 0, "add", "norm"), {"kind": "layer"}),
    "skip": ((*EDGES, 0, "add", "skip"), True),
    "repeated": (
        (*EDGES, 0),
        {"add": {"of": "input", "op": "separable", "kernel": 5, "repeat": True}},
    ),
}


def miss(path: tuple[str | int, ...], value: Any) -> Genome:
    """The network of the motif with another value at a place."""
    cell: Any = motif() | {"gates": {"mask": {"terms": [{"of": "residual", "kernel": 1}]}}}
    holder = cell
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return small_genome(Cell.model_validate(cell))


def test_near_misses_print_as_what_they_are() -> None:
    genomes = [small_genome(Cell.model_validate(motif()))]
    genomes += [miss(path, value) for path, value in NEAR_MISSES.values()]
    texts = [tuple(read(genome)) for genome in genomes]
    assert len(set(texts)) == len({genome.digest for genome in genomes}) == len(genomes)


GRU = (
    "out = gate x out + tanh((input, sigmoid((input, out)3 + 1) x out)3"
    "{initial glorot_uniform, bias 0}) x [1 - gate]",
    "gate = sigmoid((input, out)3)",
    "with initial glorot_uniform of 2, bias 1",
)
LSTM = (
    "out = tanh(new.hidden) x sigmoid((input, out)3)",
    "hidden = sigmoid((input, out)3 + 1) x hidden + tanh((input, out)3) x sigmoid((input, out)3)",
    "with initial glorot_uniform of 4",
)
RECIPROCAL = (
    "out = elu([1 - sigmoid(out3)] x out + input x [1 - sigmoid(residual3 + hidden3)])",
    "hidden = elu([1 - sigmoid(hidden3)] x hidden + input3 x [1 - sigmoid(out3)])",
    "with initial glorot_uniform, bias none",
)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("conv_gru", GRU),
        ("conv_lstm", LSTM),
        ("rgc_shallow", RECIPROCAL),
        ("time_decay", ("out = input + scalar(out)",)),
        ("feedforward", ("out = elu(input)",)),
    ],
)
def test_published_cells_are_written_as_they_are_published(
    name: str, lines: tuple[str, ...]
) -> None:
    genome = small_genome(PUBLISHED_CELLS[name], feedback=False)
    assert write_cells(genome)[0].written.format() == lines


def test_numbers_that_round_alike_are_written_in_full() -> None:
    genome = miss((*OUT, "carry", "gate", "scale"), -0.7500001)
    (text, *_) = write_cells(genome)[0].written.format()
    assert "0.7500001 sigmoid(out1s)" in text
    assert "0.75 tanh(residual5)" in text
