"""Two networks beside each other, with what differs marked where it is.

The differences are those of space/differences.py. Each is marked once in a picture, at the
smallest part that is drawn there and holds it: `only here` where the other network has no such
part, else `changed`.
"""

from collections.abc import Iterable, Iterator

from space.circuits.notes import Note
from space.circuits.picture import MARGIN, list_kinds, place_key, place_panels
from space.circuits.shapes import Picture, join_pictures, shift
from space.differences import Difference, differences, key_parts, pair_cells
from space.genome import Genome
from space.network.grammar import Cell, Gate
from space.parts import KEPT

ONLY = Note(text="only here", kind="only")
CHANGED = Note(text="changed", kind="changed")
_PARTS = ("edges", "terms", "carry", "gate", "drive", "states", "gates")
"""Fields that hold parts, which have places of their own in a picture."""
_UNSEEN = ("weights", "clip_kernels")
"""What is no part of a picture."""
_ENDS = {"image": ("image", "clock"), "head": ("head", "decoder", "classes")}
GAP = 40.0


def place_difference(a: Genome, b: Genome, titles: tuple[str, str]) -> Picture:
    """Both pictures, a's on the left, and one key."""
    left = place_panels(a, mark_differences(a, b, is_first=True), titles[0])
    right = place_panels(b, mark_differences(a, b, is_first=False), titles[1])
    both = join_pictures((shift(left, 0, 0, "a"), shift(right, left.width + GAP, 0, "b")))
    key = place_key(list_kinds(both), both.width)
    return join_pictures((both, shift(key, 0, both.height + MARGIN, "key")))


def mark_differences(a: Genome, b: Genome, *, is_first: bool) -> dict[str, Note]:
    """The notes on the picture of one of two networks, by the paths of their parts."""
    places = dict(_list_places(a, b, is_first=is_first))
    marks = dict.fromkeys(_list_lone_states(a, b, is_first=is_first), ONLY)
    for difference in differences(a, b):
        holding = [
            place
            for place in places
            if difference.path == place or difference.path.startswith(f"{place}.")
        ]
        if not holding:
            continue
        place = max(holding, key=len)
        note = _judge(difference, place, is_first=is_first)
        if note is not None and marks.get(places[place]) != ONLY:
            marks[places[place]] = note
    return marks


def _judge(difference: Difference, place: str, *, is_first: bool) -> Note | None:
    """What is marked at a part for a difference in it, if anything is."""
    mine, others = difference.a, difference.b
    if not is_first:
        mine, others = others, mine
    within = difference.path.removeprefix(place).strip(".").split(".")
    if any(word in _UNSEEN for word in within):
        return None
    if within == [""]:
        return ONLY if others is None else CHANGED if mine is not None else None
    if mine is None and within[0] in _PARTS:
        return None  # a part that only the other network has
    return CHANGED


def _list_places(a: Genome, b: Genome, *, is_first: bool) -> Iterator[tuple[str, str]]:
    """(path in the differences, path in the picture) of all that can be marked in a network."""
    genome = a if is_first else b
    for stage in genome.stages:
        yield f"stages.{stage.name}", f"stages.{stage.name}"
    for edge in genome.edges:
        path = f"feedback.{edge.sender}->{edge.receiver}"
        yield path, path
    for name, fields in _ENDS.items():
        yield from ((field, f"stages.{name}") for field in fields)
    pairs, alone = pair_cells(a, b)
    for first, second in pairs:
        name = first if is_first else second
        compared = first if first == second else f"{first}|{second}"
        yield from _list_in_cell(genome.cells[name], f"cells.{compared}", f"cells.{name}")
    for name, mine, theirs in alone:
        cell = mine if is_first else theirs
        if cell is not None:
            yield from _list_in_cell(cell, f"cells.{name}", f"cells.{name}")


def _list_lone_states(a: Genome, b: Genome, *, is_first: bool) -> Iterator[str]:
    """The paths of the states that the cell of the other network in the same place has not."""
    for first, second in pair_cells(a, b)[0]:
        here, there = (a.cells[first], b.cells[second])
        if not is_first:
            here, there = there, here
        name = first if is_first else second
        yield from (f"cells.{name}.states.{one}" for one in here.states if one not in there.states)


def _list_in_cell(cell: Cell, compared: str, drawn: str) -> Iterator[tuple[str, str]]:
    for name, state in cell.states.items():
        here, there = f"{compared}.states.{name}", f"{drawn}.states.{name}"
        yield here, there
        yield f"{here}.drive", f"{there}.drive"
        for i, (key, part) in enumerate(key_parts(state.drive.edges)):
            yield f"{here}.drive.edges.{key}", f"{there}.drive.{i}"
            if isinstance(part, Gate):
                yield from _list_terms(part, f"{here}.drive.edges.{key}", f"{there}.drive.{i}")
        if state.carry is not None:
            yield f"{here}.carry", f"{there}.carry.{KEPT}"
            if state.carry.gate is not None:
                yield f"{here}.carry.gate", f"{there}.carry"
                yield from _list_terms(state.carry.gate, f"{here}.carry.gate", f"{there}.carry")
    for name, gate in cell.gates.items():
        yield f"{compared}.gates.{name}", f"{drawn}.gates.{name}"
        yield from _list_terms(gate, f"{compared}.gates.{name}", f"{drawn}.gates.{name}")


def _list_terms(gate: Gate, compared: str, drawn: str) -> Iterator[tuple[str, str]]:
    terms: Iterable[tuple[str, object]] = key_parts(gate.terms)
    for i, (key, _) in enumerate(terms):
        yield f"{compared}.terms.{key}", f"{drawn}.terms.{i}"
