"""Equations are worked out as the grammar says, step by step from zeros."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space import zoo
from space.equation.layout import Layout
from space.equation.network import describe_network, write_cells
from space.equation.reading import read_cell
from space.equation.writing import write_cell
from space.genome import Genome
from space.network.cell_sizes import kernel_on
from space.network.grammar import Cell, Gate, Norm, Term, TermSource, parse_source
from space.network.sizes import layout
from space.step.activations import ACTIVATIONS
from tests.support.drawing import PUBLISHED_CELLS, any_cells, cells, parsed, small_document
from tests.support.equations import of_name, work_out

STAGE = "conv2"
"""In small documents, a stage whose residual has other channels than the cell."""


class Interpreter:
    """Works a cell out on numbers from the grammar: what the docstrings of its fields say."""

    def __init__(self, cell: Cell, size: int) -> None:
        self.cell, self.size = cell, size
        self.old = dict.fromkeys(cell.states, 0.0)
        self.new: dict[str, float] = {}
        self.given: dict[str, float] = {}

    def step(self, given: dict[str, float]) -> float:
        """What the cell puts out."""
        self.given, self.new = given, {}
        for name in self.cell.states:
            self.new[name] = self.state(name)
        self.old = self.new
        return self.new[self.cell.output]

    def there(self, term: Term) -> tuple[TermSource, ...]:
        return tuple(s for s in term.sources if self.is_there(s))

    def is_there(self, source: TermSource) -> bool:
        return source.name in self.cell.states or source.name in self.given

    def source(self, source: TermSource) -> float:
        if source.name in self.cell.states:
            value = (self.new if source.new else self.old)[source.name]
        else:
            value = self.given[source.name]
        return value * self.gate(Gate(shared=source.mask)) if source.mask else value

    def term(self, term: Term) -> float:
        sources = [self.source(source) for source in self.there(term)]
        kernel = kernel_on(self.cell, term, self.size)
        match term.operation:
            case "convolution":
                value = of_name(f"{kernel}", *sources)
            case "separable":
                value = of_name(f"{kernel}s", *sources)
            case "scalar" | "position":
                value = of_name(term.operation, *sources)
            case _:
                (value,) = sources
        if term.norm is not None:
            value = self.norm(term.norm, value)
        if term.skip:
            value += sum(sources)
        value = ACTIVATIONS[term.activation].value(value)
        return value * value if term.squared else value

    def norm(self, norm: Norm, value: float) -> float:
        name = f"{norm.kind}_norm" + (f"_{norm.groups}" if norm.groups else "")
        return of_name(f"{name}_interleaved" if norm.interleaved else name, value)

    def total(self, terms: tuple[Term, ...], norm: Norm | None, bias: float) -> float:
        there = [term for term in terms if self.there(term)]
        late = 0.0
        if norm is not None:
            late = sum(self.term(term) for term in there if term.after_norm)
            there = [term for term in there if not term.after_norm]
        early = sum(map(self.term, there))
        return (early if norm is None else self.norm(norm, early)) + late + bias

    def gate(self, gate: Gate) -> float:
        if gate.shared is not None:
            return self.gate(self.cell.gates[gate.shared])
        if gate.complement is not None:
            return 1 - self.gate(self.cell.gates[gate.complement])
        value = self.total(gate.terms, gate.norm, gate.acting_bias)
        return gate.offset + gate.scale * ACTIVATIONS[gate.nonlinearity].value(value)

    def state(self, name: str) -> float:
        state = self.cell.states[name]
        drive = state.drive
        value = self.total(drive.terms, drive.norm, drive.acting_bias)
        value = ACTIVATIONS[drive.activation].value(value)
        value *= math.prod(map(self.gate, drive.gates))
        if state.carry is not None:
            kept = parse_source(state.carry.of or name)
            if self.is_there(kept):
                factor = 1.0 if state.carry.gate is None else self.gate(state.carry.gate)
                value += factor * self.source(kept)
        if state.norm is not None:
            value = self.norm(state.norm, value)
        return ACTIVATIONS[state.activation].value(value)


def check(genome: Genome) -> None:
    """Three steps of the cell in STAGE, by its equations and by the grammar."""
    stage = layout(genome)[STAGE]
    lines = write_cell(Layout(read_cell(genome, STAGE)), digits=12).format()
    interpreter = Interpreter(genome.cells[stage.stage.cell or ""], stage.convolution.size)
    states = dict.fromkeys(("out", "hidden", "hidden_b", "hidden_c", "hidden_d"), 0.0)
    for step in range(3):
        given = {"input": 0.37 - 0.2 * step, "residual": -0.61 + 0.4 * step}
        if stage.feedback is not None:
            given["feedback"] = 0.53 - 0.1 * step
        values = work_out(lines, given | states)
        assert values["out"] == pytest.approx(interpreter.step(given), rel=1e-6, abs=1e-8), lines
        states = {name: values.get(name, 0.0) for name in states}


@pytest.mark.parametrize("name", PUBLISHED_CELLS)
def test_equations_of_published_cells_are_worked_out_as_the_grammar_says(name: str) -> None:
    for feedback in (True, False):
        genome = parsed(small_document(PUBLISHED_CELLS[name], feedback=feedback))
        assert genome is not None
        check(genome)


@settings(max_examples=60, deadline=None)
@given(cell=st.one_of(cells(), any_cells()), feedback=st.booleans())
def test_equations_are_worked_out_as_the_grammar_says(
    cell: dict[str, object], feedback: bool
) -> None:
    genome = parsed(small_document(Cell.model_validate(cell), feedback=feedback))
    if genome is not None:
        check(genome)


def test_a_network_is_described_with_its_stages_and_feedback() -> None:
    text = describe_network(zoo.model("rgc_intermediate").genome)
    assert text.startswith("10 stages, 17 steps: image -> conv1 -> ")
    assert "Feedback of the step before: conv10 -> conv7, conv10 -> conv9, conv7 -> conv6" in text
    assert "Cell rgc in conv4, conv8, conv10, median reciprocal gated cell:\n  out = elu(" in text
    assert "Cell rgc in conv5, conv6, conv7, conv9, median reciprocal gated cell:\n" in text


def test_a_network_without_cells_says_so() -> None:
    text = describe_network(zoo.model("resnet18").genome)
    assert text.endswith("Feedback of the step before: none.\nNo stage has a cell.")


def test_what_nothing_depends_on_is_not_described() -> None:
    """Feedback that no cell reads, a state that nobody reads, a stage behind a constant cell."""
    plain: dict[str, object] = {"drive": {"edges": [{"add": {"of": "input", "kernel": 3}}]}}
    cell = {"output": "out", "states": {"unread": plain, "out": plain}}
    genome = Genome.parse(small_document(Cell.model_validate(cell)))
    assert "Feedback of the step before: none." in describe_network(genome)
    (one,) = write_cells(genome)
    assert (one.stages, one.written.format()) == (("conv2", "conv3"), ("out = input3",))
