"""Where the terms of a cell stand.

`placed_terms` lists what a cell computes, in the order of its document, each term with the path
of its parameters: `states.cell.carry.terms.0` (the carry's gate), `states.cell.drive.0` (edge 0
of the drive, which adds), `states.cell.drive.1.terms.0` (edge 1, which multiplies),
`gates.reset.terms.0` (a gate of the cell). Names of parameters follow the document and nothing
else, so that a file of weights outlives the way in which the work is grouped.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from space.network.cell_sizes import CellShape, TermShape, gate_key, multiplying
from space.network.grammar import Cell, Gate, State, Term, TermSource


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A term in its place. `path` is the prefix of its parameters' names; `state` and `role` say
    what it acts on: it adds to a state's drive, or stands in the gate of its carry, in a gate
    that multiplies its drive, or in a gate of the cell (state None).
    """

    path: str
    state: str | None
    role: str  # add, carry, multiply, or the name of a gate of the cell
    shape: TermShape
    sources: tuple[TermSource, ...]  # those that are there

    @property
    def term(self) -> Term:
        """The term as it is written."""
        return self.shape.term


def placed_terms(cell: Cell, shape: CellShape, sources: Collection[str]) -> tuple[Placed, ...]:
    """Every term that the cell computes, in the order of the document: states, then gates.

    `sources` are the external sources that are there (input, residual, feedback); terms that read
    only absent ones are left out, as they are in `shape`.
    """
    there = {*sources, *cell.states}
    placed: list[Placed] = []

    def place(
        terms: Sequence[tuple[str, Term]],
        shapes: Sequence[TermShape],
        state: str | None,
        role: str,
    ) -> None:
        kept = [
            (path, present)
            for path, term in terms
            if (present := tuple(s for s in term.sources if s.name in there))
        ]
        for (path, present), term_shape in zip(kept, shapes, strict=True):
            placed.append(
                Placed(path=path, state=state, role=role, shape=term_shape, sources=present)
            )

    for name, state in cell.states.items():
        adding = [
            (f"states.{name}.drive.{i}", edge.add)
            for i, edge in enumerate(state.drive.edges)
            if edge.add is not None
        ]
        place(adding, shape.drives[name], name, "add")
        for key, path, role, gate in own_gates(name, state):
            within = [(f"{path}.terms.{i}", term) for i, term in enumerate(gate.terms)]
            place(within, shape.gates[key], name, role)
    for name, gate in cell.gates.items():
        if name in shape.gates:
            within = [(f"gates.{name}.terms.{i}", term) for i, term in enumerate(gate.terms)]
            place(within, shape.gates[name], None, name)
    return tuple(placed)


def own_gates(name: str, state: State) -> Iterator[tuple[str, str, str, Gate]]:
    """(key in the shape, path of its parameters, role, gate) of a state's own gates."""
    kept = state.carry.gate if state.carry is not None else None
    if kept is not None and kept.reference is None:
        yield gate_key(name, 0), f"states.{name}.carry", "carry", kept
    for key, i, gate in multiplying(name, state.drive):
        if gate.reference is None:
            yield key, f"states.{name}.drive.{i}", "multiply", gate
