"""What has weights and is read twice has a name; what is written once has none."""

from decimal import Decimal

from space.equation.factoring import Named, Scaled
from space.equation.layout import Layout, find_only
from space.equation.reading import read_cell
from space.identity.algebra import Polynomial
from space.network.grammar import Cell
from space.zoo import cells as published
from tests.support.drawing import small_genome


def lay_out(cell: Cell) -> Layout:
    return Layout(read_cell(small_genome(cell, feedback=False), "conv2"))


def test_a_gate_and_its_complement_are_named_once() -> None:
    layout = lay_out(published.ugrnn())
    assert list(layout.named) == ["out", "gate"]
    gates = [number for number, word in layout.words.items() if word == "gate"]
    assert [layout.rank(number)[0] for number in gates] == [3]
    assert gates[0] in layout.weighted


def test_a_state_is_read_at_this_step_by_its_name() -> None:
    layout = lay_out(published.conv_lstm())
    assert list(layout.named) == ["out", "hidden"]
    read = [layout.express(value) for node in layout.nodes.values() for value in node.reads]
    assert read.count(Scaled(Decimal(1), (Named("new.hidden"),))) == 1
    assert layout.find_channels(layout.reading.lines["hidden"]) == 6


def test_a_sum_that_two_convolutions_read_is_a_part() -> None:
    used = {"drive": {"edges": [{"add": {"of": name, "kernel": 1}} for name in ("input", "out")]}}
    out = {"drive": {"edges": [{"add": {"of": "new.used", "kernel": k}} for k in (1, 3)]}}
    layout = lay_out(Cell.model_validate({"states": {"used": used, "out": out}, "output": "out"}))
    assert list(layout.named) == ["out", "part"]


def test_one_atom_is_found() -> None:
    assert find_only({(3,): 1}) == 3
    others: list[Polynomial] = [{(3,): 2}, {(3, 4): 1}, {(): 1}, {}]
    assert [find_only(value) for value in others] == [None] * 4
