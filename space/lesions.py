"""Lesions: a network without one of its parts, so that what the part does can be measured.

`lesion_parts` names the parts, `remove_part` gives the network without one. A cell is lesioned
everywhere that it is used; of several cells a part's name begins with its own (`rgc: cell`).

- *edge*: one source of one term. `input->out` adds to the state `out`; `residual->out times`
  multiplies its drive, `out->out keep` stands in the gate of what it carries, `input->update` in a
  gate that the cell names. What is removed contributes nothing, with bias and norm of a term that
  has lost all of its sources. `out->out carry` is what the state keeps: removed, it keeps nothing.
- *gate*: `update` (a gate that the cell names), `out times` and `out keep` (one in its place that
  reads several sources or none; with one source it is an edge). Wherever the gate, or one minus
  it, multiplied, nothing multiplies any more: it is 1. So is a gate that has lost all sources.
- *state*: a state with everything that reads it. The state that the cell puts out stays; what is
  removed is its memory: nothing reads its value of the step before.
- *feedback*: a long-range edge, `conv3->conv2`, as if it had never been there: what read only it
  is nothing in that stage, a gate that read only it a constant.

Two parts of one name have a number: `input->out`, `input->out#2`. What nothing reads any more
stays in the document and does not act.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from space.documents.validation import suggestion
from space.errors import GenomeError
from space.genome import Genome
from space.network.architecture import split_edge
from space.network.grammar import (
    Carry,
    Cell,
    Drive,
    Edge,
    Gate,
    State,
    Term,
    TermSource,
    parse_source,
)

Kind = Literal["edge", "gate", "state", "feedback"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a network that can be removed: its name, which no other part of it has."""

    name: str
    kind: Kind


def lesion_parts(genome: Genome) -> tuple[Part, ...]:
    """The parts of a network, cell by cell in the order of the document, then its feedback."""
    return tuple(part for part, _, _ in _listed(genome))


def remove_part(genome: Genome, part: Part) -> Genome:
    """The network without a part.

    Raises GenomeError if it has no such part, or if what is left is no network: a term that takes
    its source as it is does not fit what is left of several feedback edges.
    """
    return remove(genome, part).genome


@dataclass(frozen=True, kw_only=True)
class Removed:
    """A network without one part. By cell, `origins` says where the parts of the cell that moved,
    or that read less, were before.
    """

    genome: Genome
    origins: dict[str, dict[str, "Origin"]]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a part of a cell stood: the prefix of its parameters' names, and of a term which of
    its sources are kept, by their places among all (None: all).
    """

    path: str
    sources: tuple[int, ...] | None = None


def remove(genome: Genome, part: Part) -> Removed:
    """The network without a part, and what of it was where. Raises what `remove_part` does."""
    listed = {known: (cell, cut) for known, cell, cut in _listed(genome)}
    if part not in listed:
        cure = suggestion(part.name, [known.name for known in listed])
        raise GenomeError(part.name, f"is no {part.kind} of this network", cure)
    name, cut = listed[part]
    if name is None:
        left = {
            key: there
            for key, there in genome.feedback.items()
            if "->".join(split_edge(key)) != part.name.partition("#")[0]
        }
        changed = genome.model_copy(update={"feedback": left})
        return Removed(genome=Genome.parse(changed.document()), origins={})
    cutter = _Cutter(genome.cells[name], cut)
    cells = {**genome.cells, name: cutter.cell()}
    changed = genome.model_copy(update={"cells": cells})
    return Removed(genome=Genome.parse(changed.document()), origins={name: cutter.origins})


# --------------------------------------------------------------------------- what can be removed


CARRY = -1
"""The place of what a state carries, beside the sources of terms."""


@dataclass(frozen=True)
class _Cut:
    """What of a cell goes: reads by the path of their term and their place in it, gates by their
    paths, and states.
    """

    reads: frozenset[tuple[str, int]] = frozenset()
    gates: frozenset[str] = frozenset()
    state: str | None = None


@dataclass(frozen=True)
class _Read:
    """Sources of a term that go together, and what the term acts on: a state or a gate."""

    path: str
    places: tuple[int, ...]
    sources: tuple[TermSource, ...]
    target: str

    @property
    def name(self) -> str:
        kept = "".join(("+" * (i > 0)) + _write(source) for i, source in enumerate(self.sources))
        return f"{kept}->{self.target}"

    @property
    def reads(self) -> frozenset[tuple[str, int]]:
        return frozenset((self.path, place) for place in self.places)


def _write(source: TermSource) -> str:
    return f"new.{source.name}" if source.new else source.name


def _listed(genome: Genome) -> list[tuple[Part, str | None, _Cut]]:
    """(part, cell or None, what of the cell goes) for all parts of a network."""
    used = list(dict.fromkeys(stage.cell for stage in genome.stages if stage.cell is not None))
    rows: list[tuple[str, Kind, str | None, _Cut]] = []
    for name in used:
        fed = any(
            stage.cell == name and stage.join.kind == "concat" and genome.senders(stage.name)
            for stage in genome.stages
        )
        prefix = f"{name}: " if len(used) > 1 else ""
        rows += [
            (prefix + label, kind, name, cut)
            for label, kind, cut in _parts_of(genome.cells[name], fed=fed)
        ]
    rows += [(f"{e.sender}->{e.receiver}", "feedback", None, _Cut()) for e in genome.edges]
    met: Counter[str] = Counter()
    listed: list[tuple[Part, str | None, _Cut]] = []
    for label, kind, cell, cut in rows:
        met[label] += 1
        unique = label if met[label] == 1 else f"{label}#{met[label]}"
        listed.append((Part(name=unique, kind=kind), cell, cut))
    return listed


def _parts_of(cell: Cell, *, fed: bool) -> Iterator[tuple[str, Kind, _Cut]]:
    used = _used_gates(cell, cell.states)
    gates = [(f"gates.{name}", name, gate) for name, gate in cell.gates.items() if name in used]
    inline = [place for name, state in cell.states.items() for place in _inline(name, state)]
    reads = [
        *(read for name, state in cell.states.items() for read in _drive_reads(name, state)),
        *(read for place in (*inline, *gates) for read in _gate_reads(*place)),
    ]
    there = [read for read in reads if fed or any(s.name != "feedback" for s in read.sources)]
    yield from ((read.name, "edge", _Cut(reads=read.reads)) for read in there)
    yield from ((name, "gate", _Cut(gates=frozenset({path}))) for path, name, _ in gates)
    for path, name, _ in inline:
        if sum(len(read.places) for read in there if _is_within(read, path)) != 1:
            yield name, "gate", _Cut(gates=frozenset({path}))
    for name in cell.states:
        old = name == cell.output  # of the output only the memory goes
        gone = frozenset[tuple[str, int]]().union(*(_reads_of(read, name, old) for read in reads))
        if not old:
            yield name, "state", _Cut(reads=gone, state=name)
        elif gone:
            yield name, "state", _Cut(reads=gone)


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


def _used_gates(cell: Cell, states: Sequence[str] | dict[str, State]) -> set[str]:
    """The gates of a cell that act on any of its states, or on what another such gate reads."""
    waiting = [read for name in states for read in _gates_of_state(cell.states[name])]
    used = set[str]()
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += _masks(cell.gates[name].terms)
    return used


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


# --------------------------------------------------------------------------------- what is left


@dataclass
class _Cutter:
    """Leaves of a cell what a cut does not take."""

    whole: Cell
    cut: _Cut
    origins: dict[str, Origin] = field(default_factory=dict)

    @cached_property
    def gone(self) -> set[str]:
        """The gates of the cell that are cut, or have lost all of their sources."""
        return {
            name
            for name, gate in self.whole.gates.items()
            if f"gates.{name}" in self.cut.gates or self._loses_all(f"gates.{name}", gate)
        }

    def cell(self) -> Cell:
        """What is left of the cell. Gates that acted only on what is gone go with it."""
        states = {
            name: self._state(name, state)
            for name, state in self.whole.states.items()
            if name != self.cut.state
        }
        gates = {
            name: gate.model_copy(
                update={"terms": self._terms(f"gates.{name}", f"gates.{name}", gate)}
            )
            for name, gate in self.whole.gates.items()
            if name not in self.gone
        }
        left = self.whole.model_copy(update={"states": states, "gates": gates})
        used = _used_gates(left, left.states)
        kept = {name: gate for name, gate in gates.items() if name in used}
        return left.model_copy(update={"gates": kept})

    def _loses_all(self, path: str, gate: Gate) -> bool:
        places = [
            (f"{path}.terms.{i}", place)
            for i, term in enumerate(gate.terms)
            for place in range(len(term.of))
        ]
        return bool(places) and self.cut.reads.issuperset(places)

    def _state(self, name: str, state: State) -> State:
        carry = self._carry(f"states.{name}.carry", state.carry)
        drive = self._drive(f"states.{name}.drive", state.drive)
        return state.model_copy(update={"carry": carry, "drive": drive})

    def _carry(self, path: str, carry: Carry | None) -> Carry | None:
        if carry is None or (path, CARRY) in self.cut.reads:
            return None
        of = None if carry.of is None else self._unmasked(carry.of)
        gate = None if carry.gate is None else self._gate(path, path, carry.gate)
        return carry.model_copy(update={"of": of, "gate": gate})

    def _drive(self, path: str, drive: Drive) -> Drive:
        edges = list[Edge]()
        for i, edge in enumerate(drive.edges):
            before, now = f"{path}.{i}", f"{path}.{len(edges)}"
            if edge.add is not None and (term := self._term(before, now, edge.add)):
                edges.append(Edge(add=term))
            elif edge.multiply is not None and (gate := self._gate(before, now, edge.multiply)):
                self.origins[now] = Origin(path=before)
                edges.append(Edge(multiply=gate))
        return drive.model_copy(update={"edges": tuple(edges)})

    def _gate(self, before: str, now: str, gate: Gate) -> Gate | None:
        """What is left of a gate in its place; None: nothing multiplies there any more."""
        if gate.reference is not None:
            return None if gate.reference in self.gone else gate
        if before in self.cut.gates or self._loses_all(before, gate):
            return None
        return gate.model_copy(update={"terms": self._terms(before, now, gate)})

    def _terms(self, before: str, now: str, gate: Gate) -> tuple[Term, ...]:
        terms = list[Term]()
        for i, term in enumerate(gate.terms):
            left = self._term(f"{before}.terms.{i}", f"{now}.terms.{len(terms)}", term)
            if left is not None:
                terms.append(left)
        return tuple(terms)

    def _term(self, before: str, now: str, term: Term) -> Term | None:
        """What is left of a term; None if it has lost all of its sources."""
        kept = [i for i in range(len(term.of)) if (before, i) not in self.cut.reads]
        if not kept:
            return None
        self.origins[now] = Origin(path=before, sources=tuple(kept))
        return term.model_copy(update={"of": tuple(self._unmasked(term.of[i]) for i in kept)})

    def _unmasked(self, text: str) -> str:
        """A source without its mask, if that is gone."""
        mask = parse_source(text).mask
        return text.partition("*")[0].strip() if mask in self.gone else text
