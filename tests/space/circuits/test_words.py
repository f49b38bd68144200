"""Names of operations and numbers as equations and pictures write them."""

import pytest

from space.circuits.words import (
    constant_gate,
    name_norm,
    name_operation,
    write_number,
    write_short,
    write_source,
)
from space.network.grammar import Gate, Norm, Term, parse_source


@pytest.mark.parametrize(
    ("term", "name"),
    [
        (Term(of=("a",)), ""),
        (Term(of=("a",), kernel=3), "conv3x3"),
        (Term(of=("a",), op="separable", kernel=7), "separable7x7"),
        (Term(of=("a",), op="separable", kernel=7, repeat=True), "separable7x7_repeated"),
        (Term(of=("a",), op="position"), "by_position"),
        (Term(of=("a",), op="scalar"), "scaled"),
        (Term(of=("a",), op="match"), "match"),
    ],
)
def test_operations_have_names(term: Term, name: str) -> None:
    assert name_operation(term) == name


def test_norms_have_names() -> None:
    assert name_norm(Norm()) == "layer_norm"
    assert name_norm(Norm(kind="group", groups=4)) == "group_norm_4"
    assert name_norm(Norm(kind="group", groups=4, interleaved=True)) == "group_norm_4_interleaved"


def test_numbers_are_short() -> None:
    assert (write_number(0.92193), write_number(1.0)) == ("0.9219", "1")
    assert (write_short(0.92193), write_short(-0.5)) == ("0.922", "-0.5")


def test_a_source_says_of_which_step_it_is() -> None:
    states = {"out"}
    texts = ("input", "out", "new.out")
    assert [write_source(parse_source(text), states) for text in texts] == [
        "input",
        "out[t-1]",
        "out[t]",
    ]


def test_a_gate_without_terms_is_a_number() -> None:
    assert constant_gate(Gate(offset=1.0, scale=-0.5)) == 0.75
    assert constant_gate(Gate(nonlinearity="identity", bias=0.3, scale=2.0)) == 0.6
