"""The equations of a cell in words: as the published ones are written, and worked out alike."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings

from space import zoo
from space.circuits import describe_circuit
from space.circuits.equations import cell_equations
from space.circuits.present import PresentCell, present_cells
from space.circuits.words import name_norm, name_operation
from space.genome import Genome
from space.network.grammar import Gate, Norm, Term, TermSource
from space.step.activations import ACTIVATIONS
from tests.support.drawing import any_genomes, genomes


def test_the_published_gru_is_written_in_full() -> None:
    text = describe_circuit(zoo.model("gru_shallow").genome)
    assert "Cell gru in conv3, conv4, conv5 puts out hidden:" in text
    assert "  reset = sigmoid(conv3x3(input, hidden[t-1]) + 1)\n" in text
    assert (
        "  hidden[t] = update * hidden[t-1] "
        "+ (1 - update) * tanh(conv3x3(input, hidden[t-1] * reset))" in text
    )


def test_feedback_and_networks_without_cells_are_described() -> None:
    text = describe_circuit(zoo.model("rgc_intermediate").genome)
    assert "Feedback of the step before: conv10 -> conv7, conv10 -> conv9" in text
    text = describe_circuit(zoo.model("resnet18").genome)
    assert "Feedback of the step before: none.\nNo stage has a cell." in text


def of_name(name: str, *values: float) -> float:
    """A function of numbers that stands for an operation: other ones for other names."""
    weight = zlib.crc32(name.encode()) % 97 / 97 + 0.1
    return math.tanh(sum(weight * (i + 1) * value for i, value in enumerate(values)))


class Names(dict[str, Any]):
    """Where a name that an equation calls is an operation, or an activation."""

    def __missing__(self, name: str) -> Any:
        if name in ACTIVATIONS:
            return ACTIVATIONS[name].value
        if name == "square":
            return lambda value: value * value
        return lambda *values: of_name(name, *values)


class Interpreter:
    """Works a cell out on numbers from the grammar: what the docstrings of its fields say."""

    def __init__(self, cell: PresentCell, given: Mapping[str, float]) -> None:
        self.cell, self.given = cell, dict(given)
        self.old = {name: given[f"old {name}"] for name in cell.cell.states}
        self.new: dict[str, float] = {}

    def run(self) -> dict[str, float]:
        for name in self.cell.states:
            self.new[name] = self.state(name)
        return self.new

    def source(self, source: TermSource) -> float:
        if source.name in self.cell.cell.states:
            value = (self.new if source.new else self.old)[source.name]
        else:
            value = self.given[source.name]
        return value * self.gate(Gate(shared=source.mask)) if source.mask else value

    def term(self, term: Term) -> float:
        sources = [self.source(source) for source in self.cell.sources(term)]
        name = name_operation(term)
        value = of_name(name, *sources) if name else sources[0]
        if term.norm is not None:
            value = of_name(name_norm(term.norm), value)
        if term.skip:
            value += sum(sources)
        value = ACTIVATIONS[term.activation].value(value)
        return value * value if term.squared else value

    def total(self, terms: tuple[Term, ...], norm: Norm | None, bias: float) -> float:
        there = [term for term in terms if self.cell.sources(term)]
        late = 0.0
        if norm is not None:
            late = sum(self.term(term) for term in there if term.after_norm)
            there = [term for term in there if not term.after_norm]
        early = sum(map(self.term, there))
        return (early if norm is None else of_name(name_norm(norm), early)) + late + bias

    def gate(self, gate: Gate) -> float:
        if gate.shared is not None:
            return self.gate(self.cell.cell.gates[gate.shared])
        if gate.complement is not None:
            return 1 - self.gate(self.cell.cell.gates[gate.complement])
        value = self.total(gate.terms, gate.norm, gate.acting_bias)
        return gate.offset + gate.scale * ACTIVATIONS[gate.nonlinearity].value(value)

    def state(self, name: str) -> float:
        state = self.cell.cell.states[name]
        drive = state.drive
        value = ACTIVATIONS[drive.activation].value(
            self.total(drive.terms, drive.norm, drive.acting_bias)
        )
        value *= math.prod(map(self.gate, drive.gates))
        kept = self.cell.kept(name)
        if kept is not None:
            assert state.carry is not None
            factor = 1.0 if state.carry.gate is None else self.gate(state.carry.gate)
            value += factor * self.source(kept)
        if state.norm is not None:
            value = of_name(name_norm(state.norm), value)
        return ACTIVATIONS[state.activation].value(value)


def work_out(cell: PresentCell, given: Mapping[str, float]) -> dict[str, float]:
    """The states that a cell's equations give. `t` and `t-1` are 1 and 0.

    A gate may read a state of this step, so the lines are worked out in rounds until all are.
    """
    names = Names(given, t=1)
    values = {name: {0: given[f"old {name}"]} for name in cell.cell.states}
    names.update(values)
    waiting = dict(line.split(" = ", 1) for line in cell_equations(cell))
    while waiting:
        for left, right in list(waiting.items()):
            needed = {one.removesuffix("[t]") for one in waiting if one.endswith("[t]")}
            if any(f"{one}[t]" in right for one in needed) or any(
                _reads(right, one) for one in waiting if "[" not in one
            ):
                continue
            result = eval(right, {"__builtins__": {}}, names)
            if left.endswith("[t]"):
                values[left.removesuffix("[t]")][1] = result
            else:
                names[left] = result
            del waiting[left]
    return {name: values[name][1] for name in cell.states}


def _reads(text: str, name: str) -> bool:
    return name in text.replace("(", " ").replace(")", " ").replace(",", " ").split()


def check_equations(genome: Genome) -> None:
    for cell in present_cells(genome):
        sources = {"input": 0.37, "residual": -0.61, "feedback": 0.53}
        old = {f"old {name}": 0.21 * (i + 1) for i, name in enumerate(cell.cell.states)}
        expected = Interpreter(cell, sources | old).run()
        assert work_out(cell, sources | old) == pytest.approx(expected, abs=1e-3)


def test_equations_of_the_zoo_can_be_worked_out() -> None:
    for name in zoo.names():
        check_equations(zoo.model(name).genome)


@settings(max_examples=40, deadline=None)
@given(genome=genomes() | any_genomes())
def test_equations_say_what_the_grammar_says(genome: Genome) -> None:
    check_equations(genome)
