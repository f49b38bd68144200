"""The parts of a network: what they are called, where they stand, and what of a cell each is.

The names are the same wherever a part is met: in lesions, in pictures, in tables. An edge is one
source of one term, `input->out` where it adds to a state, `residual->out times` where it
multiplies its drive, `out->out keep` in the gate of what it carries, `input->update` in a gate
that the cell names; `out->out carry` is what a state keeps. `update`, `out times` and `out keep`
are gates (one in its place that reads several sources or none; with one source it is an edge),
`out` is a state, `conv3->conv2` a long-range feedback edge. Of several cells a part's name begins
with its own (`rgc: out`); names that come again have a number (`input->out#2`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from space.genome import Genome
from space.network.grammar import Cell, Gate, State, Term, TermSource, parse_source

Kind = Literal["edge", "gate", "state", "feedback"]

CARRY = -1
"""The place of what a state carries, beside the sources of terms."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a network: its name, which no other part of it has."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Cut:
    """What of a cell a part is: reads by the path of their term and their place in it, gates by
    their paths, and a state.
    """

    reads: frozenset[tuple[str, int]] = frozenset()
    gates: frozenset[str] = frozenset()
    state: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlacedPart:
    """A part where it stands: its cell (None of feedback), its path in the document (`edge_path`
    of an edge, of what is carried that of the carry and `KEPT`), and what of the cell it is.
    """

    part: Part
    cell: str | None
    path: str
    cut: Cut


KEPT = "of"
"""What the path of a kept value ends in; without it, it is the path of its gate."""


def edge_path(term: str, place: int) -> str:
    """The path of one source of a term, by the term's path and the source's place in it."""
    return f"{term}.{KEPT}.{place}"


def list_parts(genome: Genome) -> tuple[Part, ...]:
    """The parts of a network, cell by cell in the order of the document, then its feedback."""
    return tuple(placed.part for placed in place_parts(genome))


def place_parts(genome: Genome) -> tuple[PlacedPart, ...]:
    """The parts of a network as `list_parts` has them, each with where it stands."""
    used = list(dict.fromkeys(stage.cell for stage in genome.stages if stage.cell is not None))
    rows: list[tuple[str, Kind, str | None, str, Cut]] = []
    for name in used:
        fed = any(
            stage.cell == name and stage.join.kind == "concat" and genome.senders(stage.name)
            for stage in genome.stages
        )
        prefix = f"{name}: " if len(used) > 1 else ""
        rows += [
            (prefix + label, kind, name, f"cells.{name}.{path}", cut)
            for label, kind, path, cut in _parts_of(genome.cells[name], fed=fed)
        ]
    edges = [f"{edge.sender}->{edge.receiver}" for edge in genome.edges]
    rows += [(edge, "feedback", None, f"feedback.{edge}", Cut()) for edge in edges]
    met: Counter[str] = Counter()
    placed: list[PlacedPart] = []
    for label, kind, cell, path, cut in rows:
        met[label] += 1
        unique = label if met[label] == 1 else f"{label}#{met[label]}"
        part = Part(name=unique, kind=kind)
        placed.append(PlacedPart(part=part, cell=cell, path=path, cut=cut))
    return tuple(placed)


def used_gates(cell: Cell) -> set[str]:
    """The gates of a cell that act on any of its states, or on what another such gate reads."""
    waiting = [read for state in cell.states.values() for read in _gates_of_state(state)]
    used = set[str]()
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _masks(cell.gates[name].terms)
    return used


@dataclass(frozen=True)
class _Read:
    """Sources of a term that go together, and what the term acts on: a state or a gate."""

    path: str
    places: tuple[int, ...]
    sources: tuple[TermSource, ...]
    target: str

    @property
    def name(self) -> str:
        kept = "+".join(_write(source) for source in self.sources)
        return f"{kept}->{self.target}"

    @property
    def reads(self) -> frozenset[tuple[str, int]]:
        return frozenset((self.path, place) for place in self.places)

    def find_path(self, *, fed: bool) -> str:
        """Where the first source stands that reads anything."""
        there = zip(self.places, self.sources, strict=True)
        place = next(place for place, source in there if fed or source.name != "feedback")
        return f"{self.path}.{KEPT}" if place == CARRY else edge_path(self.path, place)


def _write(source: TermSource) -> str:
    return f"new.{source.name}" if source.new else source.name


def _parts_of(cell: Cell, *, fed: bool) -> Iterator[tuple[str, Kind, str, Cut]]:
    used = used_gates(cell)
    gates = [(f"gates.{name}", name, gate) for name, gate in cell.gates.items() if name in used]
    inline = [place for name, state in cell.states.items() for place in _inline(name, state)]
    reads = [
        *(read for name, state in cell.states.items() for read in _drive_reads(name, state)),
        *(read for place in (*inline, *gates) for read in _gate_reads(*place)),
    ]
    there = [read for read in reads if fed or any(s.name != "feedback" for s in read.sources)]
    yield from (
        (read.name, "edge", read.find_path(fed=fed), Cut(reads=read.reads)) for read in there
    )
    yield from ((name, "gate", path, Cut(gates=frozenset({path}))) for path, name, _ in gates)
    for path, name, _ in inline:
        if sum(len(read.places) for read in there if _is_within(read, path)) != 1:
            yield name, "gate", path, Cut(gates=frozenset({path}))
    for name in cell.states:
        old = name == cell.output  # of the output only the memory goes
        gone = frozenset[tuple[str, int]]().union(*(_reads_of(read, name, old) for read in reads))
        if not old:
            yield name, "state", f"states.{name}", Cut(reads=gone, state=name)
        elif gone:
            yield name, "state", f"states.{name}", Cut(reads=gone)


def _is_within(read: _Read, gate: str) -> bool:
    return read.path.startswith(f"{gate}.terms.")


def _reads_of(read: _Read, state: str, old: bool) -> frozenset[tuple[str, int]]:
    """What of a read is of a state; with `old`, of its value of the step before."""
    if any(source.name == state and not (old and source.new) for source in read.sources):
        return read.reads
    return frozenset()


def _inline(name: str, state: State) -> Iterator[tuple[str, str, Gate]]:
    """(path, name, gate) of the gates that are written in their places in a state."""
    kept = None if state.carry is None else state.carry.gate
    if kept is not None and kept.reference is None:
        yield f"states.{name}.carry", f"{name} keep", kept
    for i, edge in enumerate(state.drive.edges):
        if edge.multiply is not None and edge.multiply.reference is None:
            yield f"states.{name}.drive.{i}", f"{name} times", edge.multiply


def _drive_reads(name: str, state: State) -> Iterator[_Read]:
    """What a state carries, and what adds to it."""
    if state.carry is not None:
        source = parse_source(state.carry.of or name)
        yield _Read(f"states.{name}.carry", (CARRY,), (source,), f"{name} carry")
    for i, edge in enumerate(state.drive.edges):
        if edge.add is not None:
            yield from _term_reads(f"states.{name}.drive.{i}", edge.add, name)


def _gate_reads(path: str, name: str, gate: Gate) -> Iterator[_Read]:
    for i, term in enumerate(gate.terms):
        yield from _term_reads(f"{path}.terms.{i}", term, name)


def _term_reads(path: str, term: Term, target: str) -> Iterator[_Read]:
    """Each source of a term; all together where they are added past the op as well."""
    if term.skip:
        yield _Read(path, tuple(range(len(term.sources))), term.sources, target)
        return
    for place, source in enumerate(term.sources):
        yield _Read(path, (place,), (source,), target)


def _gates_of_state(state: State) -> Iterator[str]:
    if state.carry is not None and state.carry.of is not None:
        mask = parse_source(state.carry.of).mask
        yield from () if mask is None else (mask,)
    for gate in state.gates:
        yield from () if gate.reference is None else (gate.reference,)
        yield from _masks(gate.terms)
    yield from _masks(state.drive.terms)


def _masks(terms: Sequence[Term]) -> Iterator[str]:
    sources = (source for term in terms for source in term.sources)
    yield from (source.mask for source in sources if source.mask is not None)
