"""The numbers in pictures: how they are written, and which one a constant gate is."""

from space.network.grammar import Gate
from space.step.constants import EXACT, activate_constant, exact


def write_short(value: float) -> str:
    """A number with at most three digits that count."""
    return f"{value:.3g}"


def constant_gate(gate: Gate) -> float:
    """The number that a gate without terms and norm is."""
    value = activate_constant(gate.nonlinearity, exact(gate.acting_bias))
    return float(EXACT.add(exact(gate.offset), EXACT.multiply(exact(gate.scale), value)))
