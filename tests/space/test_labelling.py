"""The canonical form of a graph: one for all numberings, another for every other graph."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space.labelling import canonical

Graph = tuple[list[str], list[list[int]], dict[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs whose edges run backwards, with few labels, and some edges to anywhere."""
    size = draw(st.integers(1, 6))
    labels = draw(st.lists(st.sampled_from("ab"), min_size=size, max_size=size))
    reads = [
        draw(st.lists(st.integers(0, vertex - 1), max_size=3)) if vertex else []
        for vertex in range(size)
    ]
    vertices = st.integers(0, size - 1)
    return labels, reads, draw(st.dictionaries(vertices, vertices, max_size=3))


def renumbered(graph: Graph, order: list[int]) -> Graph:
    """`order` lists old vertices; it must keep edges running backwards."""
    labels, reads, earlier = graph
    new = {vertex: place for place, vertex in enumerate(order)}
    return (
        [labels[vertex] for vertex in order],
        [[new[other] for other in reads[vertex]] for vertex in order],
        {new[vertex]: new[other] for vertex, other in earlier.items()},
    )


def orders(graph: Graph) -> list[list[int]]:
    """All numberings in which edges run backwards."""
    found = []
    for order in itertools.permutations(range(len(graph[0]))):
        place = {vertex: i for i, vertex in enumerate(order)}
        if all(place[o] < place[v] for v, read in enumerate(graph[1]) for o in read):
            found.append(list(order))
    return found


def plain(graph: Graph) -> object:
    labels, reads, earlier = graph
    return (
        tuple(labels),
        tuple(tuple(sorted(read)) for read in reads),
        tuple(sorted(earlier.items())),
    )


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(0, 10**6))
def test_every_numbering_gives_one_form(graph: Graph, seed: int) -> None:
    text, order = canonical(*graph)
    assert sorted(order) == list(range(len(order)))
    possible = orders(graph)
    for other in random.Random(seed).sample(possible, min(8, len(possible))):
        assert canonical(*renumbered(graph, other))[0] == text


@settings(max_examples=300, deadline=None)
@given(graphs(), graphs())
def test_equal_forms_are_isomorphic_graphs(a: Graph, b: Graph) -> None:
    isomorphic = any(plain(renumbered(a, order)) == plain(b) for order in orders(a))
    assert (canonical(*a)[0] == canonical(*b)[0]) == isomorphic


def rings(*lengths: int) -> Graph:
    """Rings of vertices of which each reads, in the step before, the next one of its ring."""
    earlier: dict[int, int] = {}
    for length in lengths:
        start = len(earlier)
        earlier |= {start + i: start + (i + 1) % length for i in range(length)}
    size = sum(lengths)
    labels = ["state"] * size + ["sum"]
    return labels, [[] for _ in range(size)] + [list(range(size))], earlier


def test_what_colours_cannot_tell_apart_is_told_apart() -> None:
    """One ring of six and two of three: every vertex sees the same around it."""
    one, two = canonical(*rings(6))[0], canonical(*rings(3, 3))[0]
    assert one != two
    assert canonical(*rings(2, 4))[0] not in (one, two)
    shuffled = renumbered(rings(3, 3), [3, 0, 5, 1, 4, 2, 6])
    assert canonical(*shuffled)[0] == two


@pytest.mark.parametrize("twins", [4, 12])
def test_many_twins_take_no_time(twins: int) -> None:
    """Interchangeable vertices are tried one by one, not in every order (12! of them)."""
    labels = ["input"] + ["convolution"] * twins + ["tanh"] * twins + ["sum"]
    reads = (
        [[]]
        + [[0]] * twins
        + [[1 + i] for i in range(twins)]
        + [[*range(1 + twins, 1 + 2 * twins)]]
    )
    text, _ = canonical(labels, reads, {})
    order = [0, *reversed(range(1, 1 + twins)), *range(1 + twins, 2 + 2 * twins)]
    assert canonical(*renumbered((labels, reads, {}), order))[0] == text
