"""Networks of one table never print alike."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space import zoo
from space.distinct import distinct_names
from space.equation.names import short_name, strip_mark
from space.genome import Genome
from space.space import Space
from tests.support.drawing import any_genomes

SPACES = {name: Space.load(name) for name in ("motifs-small", "motifs-2018")}


def told(genomes: list[Genome]) -> dict[str, str]:
    """The names of a table's networks by digest, as its rows print them."""
    known = {genome.digest: genome for genome in genomes}
    return distinct_names([(d, short_name(genome)) for d, genome in known.items()], known)


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_different_networks_of_a_space_have_different_names(name: str, seed: int) -> None:
    """Drawn ones, and neighbours, which differ in one choice."""
    space, rng = SPACES[name], random.Random(seed)
    drawn = [space.sample(rng) for _ in range(3)]
    genomes = [sample.genome for sample in drawn]
    genomes += [space.mutate(sample, rng).genome for sample in drawn for _ in range(3)]
    names = told(genomes)
    assert len(set(names.values())) == len({genome.digest for genome in genomes})


@settings(max_examples=15, deadline=None)
@given(genomes=st.lists(any_genomes(), min_size=2, max_size=4))
def test_different_networks_of_the_grammar_have_different_names(genomes: list[Genome]) -> None:
    names = told(genomes)
    assert len(set(names.values())) == len({genome.digest for genome in genomes})


def test_the_zoo_has_different_names() -> None:
    genomes = [zoo.model(name).genome for name in zoo.names()]
    names = told(genomes)
    assert len(set(names.values())) == len({genome.digest for genome in genomes})


def changed(genome: Genome, **hidden: object) -> Genome:
    document = genome.document()
    document["cells"]["motif"]["states"]["hidden"] |= hidden
    return Genome.parse(document)


def test_what_differs_is_said() -> None:
    space = SPACES["motifs-small"]
    genome = space.complete({"hidden": "present", "conv3->conv2": True}).genome
    deep = changed(genome, depth=32)
    assert strip_mark(short_name(genome)) == strip_mark(short_name(deep))
    names = told([genome, deep])
    assert names[genome.digest].endswith("[hidden.depth 16]")
    assert names[deep.digest].endswith("[hidden.depth 32]")
    assert told([genome])[genome.digest] == short_name(genome)


def test_without_genomes_a_piece_of_the_digest_tells_networks_apart() -> None:
    names = distinct_names([("abcdef0123", "ConvGRU"), ("0123456789", "ConvGRU"), ("ff", "UGRNN")])
    assert names["abcdef0123"] == "ConvGRU [abcdef]"
    assert names["ff"] == "UGRNN"


def test_one_network_of_two_names_keeps_both_rows_alike() -> None:
    assert distinct_names([("aa", "ConvGRU"), ("aa", "ConvGRU")]) == {"aa": "ConvGRU"}
