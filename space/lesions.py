"""Lesions: a network without one of its parts, so that what the part does can be measured.

space/parts.py names the parts, `remove_part` gives the network without one. A cell is lesioned
everywhere that it is used.

- *edge*: what is removed contributes nothing, with bias and norm of a term that has lost all of
  its sources. Without what a state carries, the state keeps nothing.
- *gate*: wherever the gate, or one minus it, multiplied, nothing multiplies any more: it is 1. So
  is a gate that has lost all sources.
- *state*: a state with everything that reads it. The state that the cell puts out stays; what is
  removed is its memory: nothing reads its value of the step before.
- *feedback*: a long-range edge, `conv3->conv2`, as if it had never been there: what read only it
  is nothing in that stage, a gate that read only it a constant.

What nothing reads any more stays in the document and does not act.
"""

from dataclasses import dataclass, field
from functools import cached_property

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
    parse_source,
)
from space.parts import CARRY, Cut, Part, place_parts, used_gates


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
    listed = {placed.part: (placed.cell, placed.cut) for placed in place_parts(genome)}
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


# --------------------------------------------------------------------------------- what is left


@dataclass
class _Cutter:
    """Leaves of a cell what a cut does not take."""

    whole: Cell
    cut: Cut
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
        used = used_gates(left)
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
