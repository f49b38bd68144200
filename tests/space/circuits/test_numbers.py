"""Numbers as pictures write them."""

from space.circuits.numbers import constant_gate, write_short
from space.network.grammar import Gate


def test_numbers_are_short() -> None:
    assert (write_short(0.92193), write_short(-0.5)) == ("0.922", "-0.5")


def test_a_gate_without_terms_is_a_number() -> None:
    assert constant_gate(Gate(offset=1.0, scale=-0.5)) == 0.75
    assert constant_gate(Gate(nonlinearity="identity", bias=0.3, scale=2.0)) == 0.6
