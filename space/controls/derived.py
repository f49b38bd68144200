"""Controls that follow from the best network of a campaign, and are made once it is there.

A space names them beside its fixed controls. `match: parameters` is the feedforward network with
the parameters of the best one (space/controls/__init__.py); `without: [self edges]` is the best
one without some of its parts, as space/lesions.py removes them.
"""

from collections.abc import Iterator, Sequence

from space.controls import MATCHES, Match
from space.documents.validation import suggestion
from space.errors import GenomeError
from space.genome import Genome
from space.lesions import remove_part
from space.network.grammar import Cell
from space.parts import Part, PlacedPart, place_parts, used_gates
from space.recurrence import recurrence

SELF_EDGES, FEEDBACK = "self edges", "feedback"
"""All edges from a state to itself, with what it keeps; all long-range edges."""

WORDS = (SELF_EDGES, FEEDBACK)
_NAMED = 12  # parts that an error lists


def derive_control(genome: Genome, match: Match | None, without: Sequence[str]) -> Genome:
    """The control of a network that `match` or else `without` describes.

    Raises GenomeError for a network that is feedforward, where something is to be matched; where
    no width matches it; and for one that does not have what is to be removed.
    """
    if match is not None:
        if recurrence(genome) == "none":
            raise GenomeError("", "is feedforward: it has nothing to be matched", "")
        return MATCHES[match](genome)
    gone = [part for name in without for part in select_parts(genome, name)]
    # The last first, since removal gives later parts of one name other numbers.
    ordered = [placed.part for placed in place_parts(genome) if placed.part in gone]
    left = genome
    for part in reversed(ordered):
        # A gate goes with the last edge that it reads, and its own edges go with it.
        if part in {placed.part for placed in place_parts(left)}:
            left = remove_part(left, part)
    return left


def select_parts(genome: Genome, name: str) -> list[Part]:
    """The parts of a network that a word of WORDS means, or that of the name.

    Raises GenomeError if there are none.
    """
    placed = place_parts(genome)
    if name == SELF_EDGES:
        chosen = [one.part for one in placed if _is_self_edge(genome, one)]
    elif name == FEEDBACK:
        chosen = [one.part for one in placed if one.part.kind == "feedback"]
    else:
        chosen = [one.part for one in placed if one.part.name == name]
    if not chosen:
        names = [one.part.name for one in placed]
        listed = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
        there = f"it has {listed}" if names else "it has no parts"
        if name in WORDS:
            raise GenomeError("", f"has no {name}", there)
        raise GenomeError("", f"has no part {name}", suggestion(name, names) or there)
    return chosen


def _is_self_edge(genome: Genome, placed: PlacedPart) -> bool:
    """Whether a part is an edge from a state to itself, in what adds to it, in what it keeps, or
    in a gate that acts on it.
    """
    if placed.part.kind != "edge" or placed.cell is None:
        return False
    cell = genome.cells[placed.cell]
    # cells.NAME.states.out.drive.0.of.0, or cells.NAME.gates.update.terms.0.of.0
    kind, target = placed.path.removeprefix(f"cells.{placed.cell}.").split(".")[:2]
    states = {target} if kind == "states" else set(_gated_states(cell, target))
    sources = placed.part.name.removeprefix(f"{placed.cell}: ").partition("->")[0].split("+")
    return not states.isdisjoint(sources)


def _gated_states(cell: Cell, gate: str) -> Iterator[str]:
    """The states that a gate of the cell acts on, also by way of other gates."""
    for name in cell.states:
        alone = cell.model_copy(update={"states": {name: cell.states[name]}})
        if gate in used_gates(alone):
            yield name
