"""The words of networks: what they say, and that they are of the network and not of its text."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space import zoo
from space.activity import drop_inert
from space.genome import Genome
from space.motifs import name_motifs
from space.space import Space
from space.zoo import cells as published
from tests.support.drawing import any_genomes, genomes, small_document
from tests.support.spelling import respelled

PLAIN: dict[str, Any] = {"drive": {"edges": [{"add": {"of": "input"}}]}}


def words_of(cell: dict[str, Any], **changes: Any) -> set[str]:
    """The words of a small network with a cell."""
    document = small_document(published.ugrnn()) | {"cells": {"motif": cell}} | changes
    return set(name_motifs(Genome.parse(document)))


def edge(words: set[str], edge: str) -> set[str]:
    """What words say of an edge."""
    return {word.removeprefix(edge).strip() for word in words if word.startswith(f"{edge} ")}


@given(st.one_of(genomes(), any_genomes()), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_spellings_of_one_network_have_the_same_words(genome: Genome, seed: int) -> None:
    other = Genome.parse(respelled(genome, random.Random(seed)))
    assert name_motifs(other) == name_motifs(genome)


@given(st.one_of(genomes(), any_genomes()))
@settings(max_examples=25, deadline=None)
def test_words_are_of_what_acts(genome: Genome) -> None:
    assert name_motifs(drop_inert(genome)) == name_motifs(genome)


@pytest.mark.parametrize("name", zoo.names())
def test_published_networks_are_read(name: str) -> None:
    """Sorted, each once; only networks whose stages all pass on their convolution have none."""
    words = name_motifs(zoo.model(name).genome)
    assert list(words) == sorted(set(words))
    plain = name.startswith("basenet_shallow") or name == "search_128"
    assert bool(words) != plain


def test_the_published_median_is_as_its_paper_draws_it() -> None:
    words = set(name_motifs(zoo.model("median_2018_t17_feedback").genome))
    assert {"feedback 10->7", "feedback 9->6", "feedback->out plus"} <= words
    assert {"out keeps", "hidden keeps", "hidden", "out elu"} <= words
    assert edge(words, "hidden->out") == {"times", "times tanh", "times separable", "times 7x7"}
    assert edge(words, "out->out") == {"keeps", "keeps sigmoid", "keeps separable", "keeps 7x7"}
    assert "residual->out plus" in words
    assert "residual->out times" not in words


def test_a_gate_and_its_value_are_told_apart() -> None:
    """z * tanh(...) + (1 - z) * state: z is a gate of both, tanh is what is added."""
    words = set(name_motifs(zoo.model("ugrnn_shallow").genome))
    states = {word.partition("->")[2].split()[0] for word in words if "->" in word}
    for state in states - {"out"}:
        assert {f"input->{state} plus tanh", f"input->{state} keeps sigmoid"} <= words
        assert f"input->{state} times tanh" not in words


def test_a_factor_of_one_plus_a_gate_is_a_gate() -> None:
    """(1 - tanh(residual)) * (input + elu(out)), in which everything is multiplied out."""
    gate = {
        "offset": 1.0,
        "scale": -1.0,
        "nonlinearity": "tanh",
        "terms": [{"of": "residual", "op": "separable", "kernel": 3}],
    }
    old = {"add": {"of": "out", "kernel": 3, "activation": "elu"}}
    edges = [{"add": {"of": "input"}}, old, {"multiply": gate}]
    cell = {"output": "out", "states": {"out": {"drive": {"edges": edges}}}}
    words = words_of(cell | {"clip_kernels": True})
    assert edge(words, "residual->out") == {
        "times",
        "times tanh",
        "times separable",
        "times 3x3",
    }
    assert edge(words, "out->out") == {"plus", "plus full", "plus elu", "plus 3x3"}
    assert not {"hidden", "out keeps"} & words


def test_the_largest_kernel_counts_where_maps_cut_it() -> None:
    space = Space.load("motifs-small")
    rng = random.Random(3)
    network = next(
        genome
        for genome in (space.sample(rng).genome for _ in range(200))
        if "out->out plus 5x5" in name_motifs(genome)
    )
    assert not {"out->out plus 2x2", "out->out plus 4x4"} & set(name_motifs(network))


def test_stages_without_a_cell_and_cells_that_pass_on_have_no_words() -> None:
    passing = {"output": "out", "states": {"out": PLAIN | {"activation": "elu"}}}
    assert words_of(passing) == set()
    unread = {"states": {"out": PLAIN, "unread": {"drive": {"edges": [{"add": {"of": "out"}}]}}}}
    assert words_of(passing | unread) == set()


def test_feedback_counts_where_it_is_read() -> None:
    fed = {
        "drive": {"edges": [{"add": {"of": "input"}}, {"add": {"of": "feedback", "kernel": 1}}]}
    }
    cell = {"output": "out", "states": {"out": fed}}
    words = words_of(cell, feedback={"conv3->conv2": True})
    assert {"feedback 3->2", "feedback->out plus 1x1"} <= words
    assert not any("feedback" in word for word in words_of(cell, feedback={}))
    assert words_of({"output": "out", "states": {"out": PLAIN}}) == set()
