"""What of a network there is to draw: the parts that its cells really read.

A term that reads feedback reads nothing where no feedback edge arrives, a state or gate that leads
to no output changes nothing, and a feedback edge whose receiver does not read it brings nothing.
This is what can be seen by following names; `space.activity.drop_inert` knows more (a factor of
zero, a loop that is longer than the clock) and takes longer.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from space.genome import Genome
from space.network.architecture import FeedbackEdge
from space.network.grammar import Cell, Gate, Term, TermSource, parse_source


@dataclass(frozen=True, kw_only=True)
class PresentCell:
    """A cell and who carries it, with the names of what leads to its output.

    `stages` are those that carry it, `fed` those of them at which feedback arrives.
    """

    name: str
    cell: Cell
    stages: tuple[str, ...]
    fed: tuple[str, ...]
    states: tuple[str, ...]
    gates: tuple[str, ...]

    def places(self, term: Term) -> tuple[tuple[int, TermSource], ...]:
        """As `sources`, each with its place in the term."""
        return tuple(
            (place, source)
            for place, source in enumerate(term.sources)
            if self.fed or source.name != "feedback"
        )

    def sources(self, term: Term) -> tuple[TermSource, ...]:
        """What a term reads of what is there; empty where nothing is."""
        return tuple(source for _, source in self.places(term))

    def kept(self, name: str) -> TermSource | None:
        """What a state keeps of the step before; None where it keeps nothing."""
        carry = self.cell.states[name].carry
        if carry is None:
            return None
        source = TermSource(name=name) if carry.of is None else parse_source(carry.of)
        return source if self.fed or source.name != "feedback" else None

    def terms(self, gate: Gate) -> tuple[tuple[int, Term], ...]:
        """The terms of a gate that read anything, with their places in it."""
        return tuple((i, term) for i, term in enumerate(gate.terms) if self.sources(term))


def present_cells(genome: Genome) -> tuple[PresentCell, ...]:
    """The cells that stages carry, in the order of the stages; each once."""
    carrying: dict[str, list[str]] = {}
    for stage in genome.stages:
        if stage.cell is not None:
            carrying.setdefault(stage.cell, []).append(stage.name)
    joined = {stage.name for stage in genome.stages if stage.join.kind != "concat"}
    arriving = {edge.receiver for edge in genome.edges} - joined
    return tuple(
        _present_cell(
            name, genome.cells[name], tuple(stages), tuple(s for s in stages if s in arriving)
        )
        for name, stages in carrying.items()
    )


def present_edges(genome: Genome) -> tuple[FeedbackEdge, ...]:
    """The feedback edges whose receiver does something with them."""
    readers = {
        stage.name
        for stage in genome.stages
        if stage.join.kind != "concat" or stage.convolution.reads_feedback
    }
    for cell in present_cells(genome):
        if any(source.name == "feedback" for source in list_reads(cell)):
            readers |= set(cell.fed)
    return tuple(edge for edge in genome.edges if edge.receiver in readers)


def _present_cell(
    name: str, cell: Cell, stages: tuple[str, ...], fed: tuple[str, ...]
) -> PresentCell:
    whole = PresentCell(name=name, cell=cell, stages=stages, fed=fed, states=(), gates=())
    states, gates, waiting = set[str](), set[str](), [(cell.output, True)]
    while waiting:
        part, is_state = waiting.pop()
        if part in (states if is_state else gates):
            continue
        (states if is_state else gates).add(part)
        own = cell.states[part].gates if is_state else ()
        waiting += [(gate.reference, False) for gate in own if gate.reference is not None]
        for source in _state_reads(whole, part) if is_state else _gate_reads(whole, part):
            if source.name in cell.states:
                waiting.append((source.name, True))
            if source.mask is not None:
                waiting.append((source.mask, False))
    return PresentCell(
        name=name,
        cell=cell,
        stages=stages,
        fed=fed,
        states=tuple(state for state in cell.states if state in states),
        gates=tuple(gate for gate in cell.gates if gate in gates),
    )


def list_reads(cell: PresentCell) -> Iterator[TermSource]:
    """Everything that a cell reads, as often as it is read."""
    for state in cell.states:
        yield from _state_reads(cell, state)
    for gate in cell.gates:
        yield from _gate_reads(cell, gate)


def _state_reads(cell: PresentCell, name: str) -> Iterator[TermSource]:
    state = cell.cell.states[name]
    if (kept := cell.kept(name)) is not None:
        yield kept
    for term in (*state.drive.terms, *(term for gate in state.gates for term in gate.terms)):
        yield from cell.sources(term)


def _gate_reads(cell: PresentCell, name: str) -> Iterator[TermSource]:
    for term in cell.cell.gates[name].terms:
        yield from cell.sources(term)
