"""How the parts of a cell are written in equations."""

from collections.abc import Container

from space.network.grammar import Gate, Norm, Term, TermSource
from space.step.constants import EXACT, activate_constant, exact


def write_number(value: float) -> str:
    """A number with at most four digits that count."""
    return f"{value:.4g}"


def write_short(value: float) -> str:
    """A number with at most three digits that count."""
    return f"{value:.3g}"


def write_source(source: TermSource, states: Container[str]) -> str:
    """`input`, `hidden[t-1]`, `used[t]`."""
    if source.name not in states:
        return source.name
    return f"{source.name}[{'t' if source.new else 't-1'}]"


def name_norm(norm: Norm) -> str:
    """`layer_norm`, `group_norm_3`, `batch_norm`."""
    groups = f"_{norm.groups}" if norm.groups else ""
    return f"{norm.kind}_norm{groups}{'_interleaved' if norm.interleaved else ''}"


def name_operation(term: Term) -> str:
    """`conv3x3`, `separable7x7`, `match`, `by_position`, `scaled`; empty for the identity."""
    size = f"{term.kernel}x{term.kernel}"
    return {
        "identity": "",
        "convolution": f"conv{size}",
        "separable": f"separable{size}{'_repeated' if term.repeat else ''}",
        "position": "by_position",
        "scalar": "scaled",
        "match": "match",
    }[term.operation]


def constant_gate(gate: Gate) -> float:
    """The number that a gate without terms and norm is."""
    value = activate_constant(gate.nonlinearity, exact(gate.acting_bias))
    return float(EXACT.add(exact(gate.offset), EXACT.multiply(exact(gate.scale), value)))
