"""The canonical form of a graph: one for all numberings, another for every other graph.

The search inside is checked as well: what it leaves untried is tried here, by its own parts.
"""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space.identity import canonical_graph as labelling
from space.identity.canonical_graph import canonical

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


def beside(parts: int) -> Graph:
    """So many alike parts of a sum, each a convolution of its own under a tanh."""
    labels = ["input"] + ["convolution"] * parts + ["tanh"] * parts + ["sum"]
    reads = (
        [[]]
        + [[0]] * parts
        + [[1 + i] for i in range(parts)]
        + [[*range(1 + parts, 1 + 2 * parts)]]
    )
    return labels, reads, {}


@pytest.fixture
def singled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The vertices that were singled out, in order: the work of the search."""
    found: list[int] = []
    single = labelling._Search._single_out  # noqa: SLF001

    def noting(search: labelling._Search, colours: list[int], vertex: int) -> list[int]:
        found.append(vertex)
        return single(search, colours, vertex)

    monkeypatch.setattr(labelling._Search, "_single_out", noting)  # noqa: SLF001
    return found


@pytest.mark.parametrize("parts", [4, 12, 200])
def test_alike_parts_are_singled_out_once_each(parts: int, singled: list[int]) -> None:
    """Not in every order (12! of them), nor each against each other."""
    graph = beside(parts)
    text, _ = canonical(*graph)
    assert len(singled) == parts - 1
    order = [0, *reversed(range(1, 1 + parts)), *range(1 + parts, 2 + 2 * parts)]
    assert canonical(*renumbered(graph, order))[0] == text


def test_symmetries_that_exchange_no_two_are_found_too(singled: list[int]) -> None:
    """Rings turn; each is cut open once, and the other starts of it are known to be alike."""
    canonical(*rings(9, 9, 9, 9))
    assert len(singled) < 100


def least(graph: Graph) -> object:
    """The form by definition: the least text of all ways to single out the tied vertices."""
    search = labelling._Search(*graph)  # noqa: SLF001

    def ends(colours: list[int]) -> list[object]:
        tied = search._find_tied(colours)  # noqa: SLF001
        if not tied:
            return [search._write(colours)[0]]  # noqa: SLF001
        return [end for vertex in tied for end in ends(search._single_out(colours, vertex))]  # noqa: SLF001

    colours = search._refine([labelling._hash_label(label) for label in search.labels])  # noqa: SLF001
    return min(ends(colours))  # type: ignore[type-var]


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_what_is_not_tried_could_not_have_been_less(graph: Graph) -> None:
    assert canonical(*graph)[0] == least(graph)


@pytest.mark.parametrize("graph", [beside(4), rings(3, 3), rings(2, 2, 2)])
def test_symmetric_graphs_have_their_least_text(graph: Graph) -> None:
    assert canonical(*graph)[0] == least(graph)
