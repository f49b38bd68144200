"""A network in words: its stages, its feedback, and the equations of its cells in full.

What stands behind the picture of a circuit for those who do not see it. An equation is written so
that it can be worked out: `*` goes before `+`, every call has its brackets, `hidden[t-1]` is the
value of the step before. Learned biases and weights are not written; `conv3x3(input)` has them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from space.circuits.present import PresentCell, present_cells, present_edges
from space.circuits.words import (
    constant_gate,
    name_norm,
    name_operation,
    write_number,
    write_source,
)
from space.genome import Genome
from space.network.grammar import Gate, Norm, Term, TermSource
from space.step.constants import activate_constant, exact

_SUM, _PRODUCT, _WHOLE = range(3)


@dataclass(frozen=True)
class _Written:
    """A piece of an equation, and what stands outermost in it: a sum, a product, one thing."""

    text: str
    form: int = _WHOLE

    def inside(self, form: int) -> str:
        """The piece as part of a sum or product: in brackets where it needs them."""
        return self.text if self.form >= form else f"({self.text})"


def describe_circuit(genome: Genome) -> str:
    """What a network consists of, and its equations, as plain text of several lines."""
    cells = present_cells(genome)
    stages = " -> ".join(stage.name for stage in genome.stages)
    edges = [f"{edge.sender} -> {edge.receiver}" for edge in present_edges(genome)]
    return "\n".join(
        (
            f"{len(genome.stages)} stages, {genome.clock.steps} steps: image -> {stages} -> head.",
            f"Feedback of the step before: {', '.join(edges) or 'none'}.",
            *([] if cells else ["No stage has a cell."]),
            *(line for cell in cells for line in _describe_cell(cell)),
        )
    )


def _describe_cell(cell: PresentCell) -> Iterable[str]:
    head = f"Cell {cell.name} in {', '.join(cell.stages)} puts out {cell.cell.output}:"
    return (head, *(f"  {line}" for line in cell_equations(cell)))


def cell_equations(cell: PresentCell) -> tuple[str, ...]:
    """One line a shared gate and state, in the order in which they are worked out."""
    writer = _Writer(cell)
    gates = [f"{writer.gate_name(name)} = {writer.own_gate(name).text}" for name in cell.gates]
    states = [f"{name}[t] = {writer.state(name).text}" for name in cell.states]
    return (*gates, *states)


def _add(parts: Sequence[_Written]) -> _Written:
    if len(parts) == 1:
        return parts[0]
    text = parts[0].inside(_SUM)
    for part in parts[1:]:
        text += f" - {part.text[1:]}" if part.text.startswith("-") else f" + {part.inside(_SUM)}"
    return _Written(text, _SUM)


def _multiply(parts: Sequence[_Written]) -> _Written:
    if len(parts) == 1:
        return parts[0]
    return _Written(" * ".join(part.inside(_PRODUCT) for part in parts), _PRODUCT)


def _call(name: str, *arguments: _Written) -> _Written:
    if not name or name == "identity":
        return arguments[0]
    return _Written(f"{name}({', '.join(argument.text for argument in arguments)})")


def _number(value: float) -> _Written:
    return _Written(write_number(value), _SUM if value < 0 else _WHOLE)


@dataclass(frozen=True)
class _Writer:
    cell: PresentCell

    def gate_name(self, name: str) -> str:
        """A shared gate's name; it may be a state's as well, or a source's."""
        return f"{name}_gate" if name in self.cell.cell.states else name

    def own_gate(self, name: str) -> _Written:
        return self._gate(self.cell.cell.gates[name])

    def state(self, name: str) -> _Written:
        state = self.cell.cell.states[name]
        parts, kept = [], self.cell.kept(name)
        if kept is not None:
            assert state.carry is not None
            factors = [self._source(kept)]
            if state.carry.gate is not None:
                factors.insert(0, self._gate(state.carry.gate))
            parts.append(_multiply([one for one in factors if one.text != "1"]))
        drive = self._drive(name)
        if drive.text != "0" or not parts:
            parts.append(drive)
        whole = _add(parts)
        if state.norm is not None:
            whole = _call(name_norm(state.norm), whole)
        return _call(state.activation, whole)

    def _drive(self, name: str) -> _Written:
        """product of gates * activation(norm(sum of terms) + bias)."""
        drive = self.cell.cell.states[name].drive
        terms = [term for term in drive.terms if self.cell.sources(term)]
        if terms or drive.norm is not None:
            total = _call(drive.activation, self._sum(terms, drive.norm, drive.acting_bias))
        else:
            value = activate_constant(drive.activation, exact(drive.acting_bias))
            total = _number(float(value))
        factors = [one for one in (*map(self._gate, drive.gates), total) if one.text != "1"]
        if any(one.text in ("0", "-0") for one in factors):
            return _number(0.0)
        return _multiply(factors) if factors else _number(1.0)

    def _gate(self, gate: Gate) -> _Written:
        """offset + scale * nonlinearity(norm(sum of terms) + bias), or a gate by its name."""
        if gate.shared is not None:
            return _Written(self.gate_name(gate.shared))
        if gate.complement is not None:
            return _Written(f"1 - {self.gate_name(gate.complement)}", _SUM)
        terms = [term for _, term in self.cell.terms(gate)]
        if not terms and gate.norm is None:
            return _number(constant_gate(gate))
        value = _call(gate.nonlinearity, self._sum(terms, gate.norm, gate.acting_bias))
        size = abs(gate.scale)
        scaled = value if size == 1 else _multiply([_number(size), value])
        if gate.scale < 0:
            return _Written(f"{write_number(gate.offset)} - {scaled.inside(_PRODUCT)}", _SUM)
        return _add([_number(gate.offset), scaled]) if gate.offset else scaled

    def _sum(self, terms: Sequence[Term], norm: Norm | None, bias: float) -> _Written:
        """norm(sum of terms) + the terms after the norm + bias."""
        early = [self._term(term) for term in terms if norm is None or not term.after_norm]
        late = [self._term(term) for term in terms if norm is not None and term.after_norm]
        if norm is not None:
            early = [_call(name_norm(norm), _add(early or [_number(0.0)]))]
        parts = [*early, *late]
        return _add([*parts, _number(bias)]) if bias else _add(parts)

    def _term(self, term: Term) -> _Written:
        """activation(norm(op(sources)) + sources), or its square."""
        sources = [self._source(source) for source in self.cell.sources(term)]
        value = _call(name_operation(term), *sources)
        if term.norm is not None:
            value = _call(name_norm(term.norm), value)
        if term.skip:
            value = _add([value, *sources])
        value = _call(term.activation, value)
        return _call("square", value) if term.squared else value

    def _source(self, source: TermSource) -> _Written:
        plain = _Written(write_source(source, self.cell.cell.states))
        if source.mask is None:
            return plain
        return _multiply([plain, _Written(self.gate_name(source.mask))])
