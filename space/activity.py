"""What of a network acts: its genome without inert parts, and the choices that made a difference.

Texts and tables are made from this, not from what was written: an edge that nothing reads is not
feedback, and the kernel of an edge that is not there was no choice. What acts is what identity
(space/identity/digest.py) knows to act.
"""

import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from space.choices.domains import Categorical, Domain, Integer, Scalar
from space.choices.open_document import Choices, OpenDocument
from space.errors import GenomeError
from space.genome import Genome
from space.identity.normal_form import live_forms
from space.network.grammar import Cell, Drive, Edge, Gate, State, Term, parse_source


def drop_inert(genome: Genome) -> Genome:
    """The same network without the parts that nothing depends on.

    Left out are feedback edges that nobody reads, cells of stages that the logits do not depend
    on, and of cells the states, gates and terms that their output does not depend on. What is left
    keeps its name and its place in the document.
    """
    forms = {
        stage.name: form
        for stage, form in zip(genome.stages, live_forms(genome), strict=True)
        if form is not None
    }
    cells: dict[str, Cell] = {}
    for stage in genome.stages:
        if stage.cell is None or stage.name not in forms or stage.cell in cells:
            continue
        carrying = [s.name for s in genome.stages if s.cell == stage.cell and s.name in forms]
        parts = {place for name in carrying for place in forms[name].parts}
        fed = any(forms[name].reads_feedback for name in carrying)
        cells[stage.cell] = _Trimmer(genome.cells[stage.cell], parts, fed=fed).cell()
    joined = {stage.name for stage in genome.stages if stage.join.kind != "concat"}
    feedback = {
        f"{edge.sender}->{edge.receiver}": True
        for edge in genome.edges
        if edge.receiver in forms
        and (
            forms[edge.receiver].reads_before
            if edge.receiver in joined
            else forms[edge.receiver].reads_feedback
        )
    }
    stages = tuple(
        stage.model_copy(update={"cell": stage.cell if stage.cell in cells else None})
        for stage in genome.stages
    )
    fields = {name: getattr(genome, name) for name in Genome.model_fields}
    # Not parsed: that would check sizes once more, and a part of a valid genome needs no check.
    return Genome.model_construct(
        **{**fields, "stages": stages, "cells": cells, "feedback": feedback}
    )


@dataclass(frozen=True)
class _Trimmer:
    """Leaves of a cell what acts. `parts` are the places of weights that do, `fed` says whether
    any feedback arrives.
    """

    whole: Cell
    parts: set[str]
    fed: bool

    def cell(self) -> Cell:
        states = {name: self._state(name, state) for name, state in self.whole.states.items()}
        gates = {
            name: self._gate(f"cell.gates.{name}", gate) for name, gate in self.whole.gates.items()
        }
        kept, waiting = set[str](), [self.whole.output]
        while waiting:
            name = waiting.pop()
            if name not in kept:
                kept.add(name)
                part = states[name] if name in states else gates[name]
                waiting += [read for read in _read(part, name) if read in states or read in gates]
        return self.whole.model_copy(
            update={
                "states": {name: state for name, state in states.items() if name in kept},
                "gates": {name: gate for name, gate in gates.items() if name in kept},
            }
        )

    def _state(self, name: str, state: State) -> State:
        place = f"cell.states.{name}"
        carry = state.carry
        if carry is not None and carry.gate is not None:
            gate = self._gate(f"{place}.carry", carry.gate)
            carry = carry.model_copy(update={"gate": gate})
        drive = self._drive(f"{place}.drive", state.drive)
        return state.model_copy(update={"carry": carry, "drive": drive})

    def _drive(self, place: str, drive: Drive) -> Drive:
        edges = []
        for i, edge in enumerate(drive.edges):
            if edge.multiply is not None:
                edges.append(Edge(multiply=self._gate(f"{place}.{i}", edge.multiply)))
            elif edge.add is not None and (term := self._term(f"{place}.{i}", edge.add)):
                edges.append(Edge(add=term))
        return drive.model_copy(update={"edges": tuple(edges)})

    def _gate(self, place: str, gate: Gate) -> Gate:
        terms = [self._term(f"{place}.terms.{i}", term) for i, term in enumerate(gate.terms)]
        return gate.model_copy(update={"terms": tuple(term for term in terms if term)})

    def _term(self, place: str, term: Term) -> Term | None:
        """What acts of a term, None if it is nothing."""
        weighted = term.operation not in ("identity", "match")
        of = tuple(text for text in term.of if self.fed or parse_source(text).name != "feedback")
        if not of or (weighted and place not in self.parts):
            return None
        return term.model_copy(update={"of": of})


def _read(part: State | Gate, name: str) -> Iterator[str]:
    """The names of the sources and gates that a state or a gate reads; `name` is its own."""
    gates = [part] if isinstance(part, Gate) else list(part.gates)
    terms = [term for gate in gates for term in gate.terms]
    if isinstance(part, State):
        terms += part.drive.terms
        if part.carry is not None:
            yield parse_source(part.carry.of or name).name
    yield from (gate.reference for gate in gates if gate.reference is not None)
    for source in (source for term in terms for source in term.sources):
        yield source.name
        if source.mask is not None:
            yield source.mask


# ------------------------------------------------------------------------------------- choices


Made = tuple[str, dict[str, Any]]
"""What choices make: the digest of the network, and the recipe's overlay."""


def acting_choices(
    opened: OpenDocument,
    choices: Mapping[str, Scalar],
    among: Collection[str] | None = None,
    made: Made | None = None,
) -> Choices:
    """Those of a sample's choices that act: with another value there, and all others as they are,
    it is another network or another recipe.

    The choices outside of `among` are taken to act without a look. An alternative that is no
    network counts as another one. `made` is what the choices make, where that is known. Raises
    SpaceError for choices of another space.
    """
    present = opened.flatten(choices)
    if made is None:
        made = _made(opened, present)
    return {
        path: present[path]
        for path in present
        if (among is not None and path not in among) or _acts(opened, present, path, made)
    }


def often_inert(opened: OpenDocument, samples: int, rng: random.Random) -> frozenset[str]:
    """The choices that do not act in one at least of so many samples."""
    inert = set[str]()
    for _ in range(samples):
        choices = opened.sample(rng)
        inert |= choices.keys() - acting_choices(opened, choices).keys()
    return frozenset(inert)


def _acts(opened: OpenDocument, present: Choices, path: str, made: Made | None) -> bool:
    return any(
        _made(opened, opened.complete({**present, path: other})) != made
        for other in alternatives(opened.parameter(path).domain, present[path])
    )


TRIED = 20
"""So many alternatives of one choice are tried at most."""


def alternatives(domain: Domain, value: Scalar) -> Iterator[Scalar]:
    """Values that a choice could have had instead: the first TRIED options, or the ends and the
    middle of an interval.
    """
    if isinstance(domain, Categorical):
        options: tuple[Scalar, ...] = domain.options[: TRIED + 1]
    else:
        middle = (domain.low + domain.high) / 2
        options = (
            domain.low,
            domain.high,
            int(middle) if isinstance(domain, Integer) else middle,
        )
    # True is not 1 here.
    yield from (option for option in options if (type(option), option) != (type(value), value))


def _made(opened: OpenDocument, choices: Mapping[str, Scalar]) -> Made | None:
    """What choices make, equal for one network and one recipe; None where that is no network."""
    document = opened.close(choices)
    try:
        return Genome.parse(document.get("genome")).digest, document.get("recipe", {})
    except GenomeError:
        return None
