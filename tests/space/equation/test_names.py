"""Short names of cells: published ones, equations, and a mark where there is more."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from space.equation.names import MAX_LENGTH, is_outdated, name_network, short_name, strip_mark
from space.equation.published import FEEDFORWARD, find_published
from space.genome import Genome
from space.network.grammar import Cell
from space.recurrence import recurrence
from space.space import Space
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, genomes, small_genome


def make_cell(states: dict[str, Any], **more: Any) -> Cell:
    return Cell.model_validate({"states": states, "output": "out"} | more)


def add(*terms: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A state with a drive of some terms."""
    edges = [{"add": term} for term in terms]
    return {"drive": {"edges": edges}} | more


def test_published_cells_are_recognised() -> None:
    median = small_genome(reciprocal.rgc_median())
    assert short_name(median) == "median reciprocal gated cell +1 feedback"
    assert short_name(small_genome(published.feedforward(), feedback=False)) == FEEDFORWARD
    assert find_published(reciprocal.rgc_median()) == "median reciprocal gated cell"
    names = {short_name(small_genome(cell)) for cell in PUBLISHED_CELLS.values()}
    assert len(names) == len(PUBLISHED_CELLS)


def test_a_published_cell_is_known_by_its_identity() -> None:
    """Not by the names of its states; and one of another kernel is none."""
    document = published.conv_gru().model_dump()
    document["states"] = {"memory": document["states"]["hidden"]}
    text = Cell.model_validate(document | {"output": "memory"}).model_dump_json()
    renamed = Cell.model_validate_json(text.replace('"hidden', '"memory'))
    assert find_published(renamed) == "ConvGRU"
    assert find_published(published.conv_gru(kernel=5)) == ""


def test_feedback_that_no_cell_reads_is_not_named() -> None:
    assert short_name(small_genome(published.conv_gru())) == "ConvGRU"
    assert short_name(small_genome(published.feedforward())) == FEEDFORWARD


def test_feedback_that_comes_too_late_is_not_named() -> None:
    clock = {"steps": 5}  # conv3 is at conv2 at step 3, and at the head at step 5
    late = small_genome(reciprocal.rgc_median(cell_depth=3), clock=clock)
    assert "+1 feedback" not in short_name(late)


def test_a_network_that_only_feedback_makes_recurrent_is_not_called_feedforward() -> None:
    network = small_genome(make_cell({"out": add({"of": "input"})}))
    document = network.document()
    document["stages"][1]["convolution"]["reads_feedback"] = True
    assert short_name(Genome.parse(document)) == "convolutions +1 feedback only"


def test_terms_of_feedback_that_is_not_there_are_not_named() -> None:
    gate = {"offset": 1.0, "scale": -0.5, "terms": [{"of": "feedback", "kernel": 1}]}
    edges = [{"add": {"of": "input"}}, {"add": {"of": "feedback", "kernel": 3}}]
    state = {"carry": {}, "drive": {"edges": [*edges, {"multiply": gate}]}}
    cell = make_cell({"out": state})
    name = strip_mark(short_name(small_genome(cell)))
    assert name == "out = out + (input + feedback3) x [1 - 0.5 sigmoid(feedback1)] +1 feedback"
    # Of the gate a constant is left: 1 - 0.5 * sigmoid(0).
    assert short_name(small_genome(cell, feedback=False)) == "out = out + 0.75 input"


@settings(max_examples=25, deadline=None)
@given(genome=genomes() | any_genomes())
def test_a_name_says_what_goes_round(genome: Genome) -> None:
    name, kind = name_network(genome)
    assert (name, kind) == (short_name(genome), recurrence(genome))
    assert name.startswith(FEEDFORWARD) == (kind == "none")
    assert name.endswith(" feedback only") == (kind == "feedback")
    assert name.endswith(" feedback") == (kind == "both")


def test_networks_without_recurrence_are_told_apart() -> None:
    plain, wide = ({"of": "input"}, {"of": "input", "kernel": 5})
    names = [
        short_name(small_genome(make_cell({"out": add(term)}), feedback=False))
        for term in (plain, wide)
    ]
    assert names[0] == FEEDFORWARD
    # conv3 has a map of 3x3: the kernel is cut there, and the name says that there is more.
    assert strip_mark(names[1]) == "feedforward, out = input5"
    assert names[1] != strip_mark(names[1])


def test_a_name_that_says_all_has_no_mark() -> None:
    cell = make_cell({"out": add({"of": "input", "kernel": 3}, {"of": "out", "kernel": 1})})
    assert short_name(small_genome(cell, feedback=False)) == "out = input3 + out1"
    decayed = make_cell(
        {"out": add({"of": "input", "kernel": 3}, {"of": "out", "kernel": 1})},
        weights={"decay": 0.3},
    )
    genome = small_genome(decayed, feedback=False)
    assert short_name(genome) == f"out = input3 + out1 … {genome.digest[:6]}"


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_networks_of_a_space_have_names_of_their_own(seed: int) -> None:
    """Drawn ones, and neighbours that differ in one choice: no short form stands for two cells."""
    space, rng = Space.load("motifs-small"), random.Random(seed)
    drawn = [space.sample(rng) for _ in range(4)]
    genomes = [sample.genome for sample in drawn]
    genomes += [space.mutate(sample, rng).genome for sample in drawn for _ in range(3)]
    names: dict[str, set[str]] = {}
    for genome in genomes:
        names.setdefault(short_name(genome), set()).add(genome.digest)
    assert all(len(digests) == 1 for name, digests in names.items() if name != FEEDFORWARD)
    assert all(len(name.partition(" +")[0]) <= MAX_LENGTH + len("feedforward, ") for name in names)


def test_a_long_name_is_cut_between_words() -> None:
    terms = [{"of": "input", "kernel": kernel} for kernel in (1, 2, 3)]
    terms += [{"of": "residual", "kernel": kernel, "activation": "tanh"} for kernel in (1, 2, 3)]
    terms += [{"of": "out", "kernel": kernel, "activation": "elu"} for kernel in (1, 2, 3, 4)]
    genome = small_genome(make_cell({"out": add(*terms)}), feedback=False)
    name = short_name(genome)
    assert name == (
        "out = input1 + input2 + input3 + tanh(residual1) + tanh(residual2) + tanh(residual3)"
        f" + elu(out1) + elu(out2) … {genome.digest[:6]}"
    )


def test_a_cut_name_ends_in_no_name_of_a_line() -> None:
    long = [{"of": "input", "kernel": kernel} for kernel in (1, 2, 3, 4)]
    long += [{"of": "residual", "kernel": kernel, "activation": "elu"} for kernel in (1, 2, 3)]
    states = {
        "hidden": add({"of": "input", "kernel": 3}, {"of": "hidden", "kernel": 1}),
        "out": add(*long, {"of": "hidden", "kernel": 5}),
    }
    name = short_name(small_genome(make_cell(states), feedback=False))
    assert strip_mark(name) == (
        "out = input1 + input2 + input3 + input4"
        " + elu(residual1) + elu(residual2) + elu(residual3) + hidden5"
    )


def test_names_of_earlier_versions_are_known() -> None:
    assert is_outdated("out: in3 + res ~ sig(out3s)")
    assert is_outdated("feedforward, out: in5")
    new = ("out = input3 + out1 … 1a2b3c", "feedforward, out = input5", "ConvGRU", "")
    assert not any(map(is_outdated, (*new, "median reciprocal gated cell +1 feedback")))
