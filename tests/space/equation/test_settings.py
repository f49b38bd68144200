"""What weights and norms share is said once, what they have alone in braces."""

from space.equation.reading import Node, read_cell
from space.equation.settings import (
    PUBLISHED,
    is_match,
    list_own,
    list_shared,
    read_settings,
    share_settings,
    write_exact,
)
from space.network.grammar import Cell, Norm, Term, Weights
from tests.support.drawing import small_genome


def read_nodes(*terms: Term, norm: Norm | None = None) -> list[Node]:
    """The atoms of a cell that adds some terms."""
    edges = [{"add": term.model_dump()} for term in terms]
    state = {"drive": {"edges": edges}, "norm": None if norm is None else norm.model_dump()}
    cell = Cell.model_validate({"states": {"out": state}, "output": "out"})
    return list(read_cell(small_genome(cell), "conv2").nodes.values())


def test_what_is_published_is_not_said() -> None:
    nodes = read_nodes(Term(of=("input",), kernel=3), norm=Norm())
    shared = share_settings(map(read_settings, nodes))
    assert shared.items() <= PUBLISHED.items()
    assert list_shared(shared) == []
    assert [word for node in nodes for word in list_own(node, shared)] == []


def test_most_decide_what_is_said_of_all() -> None:
    decayed = Weights(decay=0.5)
    nodes = read_nodes(
        Term(of=("input",), kernel=3, weights=decayed),
        Term(of=("out",), kernel=3, weights=decayed),
        Term(of=("residual",), kernel=3),
        norm=Norm(epsilon=1e-3),
    )
    shared = share_settings(map(read_settings, nodes))
    assert list_shared(shared) == ["decay 0.5", "norm epsilon 0.001"]
    assert [word for node in nodes for word in list_own(node, shared)] == ["decay 0.0001"]


def test_a_usual_epsilon_among_others_is_said_as_a_number() -> None:
    (norm,) = (n for n in read_nodes(Term(of=("input",)), norm=Norm()) if n.label[0] == "norm")
    assert list_own(norm, read_settings(norm) | {"norm epsilon": "0.001"}) == ["epsilon 1e-12"]


def test_a_match_is_known() -> None:
    nodes = read_nodes(Term(of=("residual",), op="match"), Term(of=("input",), kernel=1))
    assert sorted(map(is_match, nodes)) == [False, False, False, True]


def test_numbers_are_exact() -> None:
    for number in (0.1, 1e-12, 1 / 3, 2.0, 5.434329000564743e-06):
        assert float(write_exact(number)) == number
    assert write_exact(1e-4) == "0.0001"
